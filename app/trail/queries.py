"""Looking into the audit log, of one organisation or of all: always newest first, and quick however long it is.

What an index serves (everything, an action, a person, a kind of actor, a thing) is read from it directly. What none
serves (text, two conditions at once; most across organisations) is looked for in the newest REACH entries of what an
index does serve; whoever wants more goes on from there.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, cast, func, or_, select, union_all
from sqlmodel import Session, col

from app.accounts.models import Person
from app.core import audit_words
from app.core.audit import AuditEntry
from app.core.errors import NotFound
from app.metering import audit_chain, proving
from app.metering.proof_models import AuditLink
from app.organisations.models import Membership, Organisation
from app.trail.filters import Cursor, Filters

REACH = 1_000
"""So many entries are looked through for one page; more would be felt."""


@dataclass(frozen=True, slots=True)
class Page:
    """entries: newest first. older: where the next page begins; None at the end. looked_back_to: how far entries were
    looked through, when that was not to the end of the log.
    """

    entries: list[AuditEntry]
    older: Cursor | None
    looked_back_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sealed:
    """An entry's place in the chain. is_sound: it is as it was sealed, and the signature is by one of our keys.
    has_where: whether the seal holds where it came from, which older ones do not.
    """

    link: AuditLink
    is_sound: bool
    has_where: bool


def page(
    session: Session, organisation_id: UUID | None, filters: Filters, *, before: Cursor | None = None, limit: int
) -> Page:
    """What `filters` ask for, from `before` on. organisation_id: None for everything that is written down here."""
    rest = _rest(filters) if organisation_id is not None else _all(filters)
    reach = REACH if rest else limit + 1
    served = filters if organisation_id is not None else Filters()
    window = _window(served, _conditions(organisation_id, filters, before), reach).subquery()
    order = (window.c.at.desc(), window.c.id.desc())
    statement = select(AuditEntry).join(window, window.c.id == col(AuditEntry.id)).where(*rest).order_by(*order)
    found = list(session.execute(statement.limit(limit + 1)).scalars())
    if len(found) > limit:
        return Page(found[:limit], Cursor(found[limit - 1].at, found[limit - 1].id))
    last = session.execute(select(window).order_by(*order).offset(reach - 1).limit(1)).first() if rest else None
    return Page(found, Cursor(last.at, last.id), last.at) if last is not None else Page(found, None)


def every(session: Session, organisation_id: UUID | None, filters: Filters, *, by: int) -> Iterator[list[AuditEntry]]:
    """All that is asked for, newest first, `by` at a time and at most."""
    before: Cursor | None = None
    while True:
        found = page(session, organisation_id, filters, before=before, limit=by)
        if found.entries:
            yield found.entries
        if found.older is None:
            return
        before = found.older
        session.expunge_all()


def entry_of(session: Session, organisation_id: UUID | None, entry_id: UUID) -> AuditEntry:
    """organisation_id: None for any. Raises NotFound for a stranger's as for one that never was."""
    found = session.get(AuditEntry, entry_id)
    if found is None or organisation_id not in (None, found.organisation_id):
        raise NotFound("There is no such entry in this audit log.")
    return found


def names(session: Session, entries: list[AuditEntry]) -> dict[UUID | None, str]:
    """What people are called now, by the id that an entry has of them, if any."""
    everybody = {one.person_id for one in entries if one.person_id is not None}
    if not everybody:
        return {}
    found = session.execute(select(col(Person.id), col(Person.name)).where(col(Person.id).in_(everybody)))
    return {one.id: one.name for one in found}


def organisations(session: Session, entries: list[AuditEntry]) -> dict[UUID | None, Organisation]:
    """Whose they are, by the id that an entry has."""
    everybody = {one.organisation_id for one in entries if one.organisation_id is not None}
    statement = select(Organisation).where(col(Organisation.id).in_(everybody))
    return {one.id: one for one in session.execute(statement).scalars()} if everybody else {}


def members(session: Session, organisation_id: UUID, *, limit: int) -> list[tuple[UUID, str]]:
    """Whom one may choose to see what they did: members, by name."""
    statement = (
        select(col(Person.id), col(Person.name))
        .join(Membership, col(Membership.person_id) == col(Person.id))
        .where(col(Membership.organisation_id) == organisation_id)
        .order_by(func.lower(col(Person.name)), col(Person.id))
        .limit(limit)
    )
    return [(person_id, name) for person_id, name in session.execute(statement)]


def name_of(session: Session, organisation_id: UUID | None, person_id: UUID) -> str:
    """What somebody is called who acted in the organisation, member or not; "" for whoever never did.

    organisation_id: None for operators, who may know it of everybody.
    """
    if organisation_id is None:
        person = session.get(Person, person_id)
        return person.name if person is not None else ""
    acted = (
        select(AuditEntry)
        .where(col(AuditEntry.organisation_id) == organisation_id, col(AuditEntry.person_id) == person_id)
        .order_by(col(AuditEntry.at).desc(), col(AuditEntry.id).desc())
        .limit(1)
    )
    found = session.execute(acted).scalars().first()
    return audit_words.called_in(found, names(session, [found]).get(person_id, "")) if found is not None else ""


def links(session: Session, entries: list[AuditEntry]) -> dict[UUID, AuditLink]:
    """Places in the chain, by entry; those that are not sealed yet have none."""
    statement = select(AuditLink).where(col(AuditLink.entry_id).in_([one.id for one in entries]))
    return {link.entry_id: link for link in session.execute(statement).scalars()}


def sealed(session: Session, entry: AuditEntry) -> Sealed | None:
    """Its place in the chain, checked; None until it has one."""
    link = links(session, [entry]).get(entry.id)
    if link is None:
        return None
    former = session.get(AuditLink, link.seq - 1)
    before = bytes.fromhex(former.hash) if former is not None else audit_chain.GENESIS
    said = link.model_dump()
    is_kept = former is not None or link.seq == 1
    is_same = audit_chain.is_as_sealed(said, entry.model_dump(), before=before)
    is_ours = audit_chain.is_signed(said, proving.keys_in(session.connection()))
    return Sealed(link, is_kept and is_same and is_ours, audit_chain.form_of(said) > 1)


def _conditions(organisation_id: UUID | None, filters: Filters, before: Cursor | None) -> list[ColumnElement[bool]]:
    """What every index that is used can serve."""
    at = col(AuditEntry.at)
    found: list[ColumnElement[bool]] = []
    if organisation_id is not None:
        found.append(col(AuditEntry.organisation_id) == organisation_id)
    if filters.since_at is not None:
        found.append(at >= filters.since_at)
    if filters.until_at is not None:
        found.append(at < filters.until_at)
    if before is not None:
        found.append(at <= before.at)
        found.append(or_(at < before.at, col(AuditEntry.id) < before.id))
    return found


def _rest(filters: Filters) -> list[ColumnElement[bool]]:
    """What is left after the one condition that an index serves: see _window."""
    found: list[ColumnElement[bool]] = []
    if filters.person_id is not None and filters.subject_id is not None:
        found.append(col(AuditEntry.person_id) == filters.person_id)
    if filters.actions and (filters.subject_id is not None or filters.person_id is not None):
        found.append(col(AuditEntry.action).in_(filters.actions))
    if filters.kind and (filters.subject_id is not None or filters.person_id is not None or filters.actions):
        found.append(col(AuditEntry.actor_kind) == filters.kind)
    if filters.text:
        found.append(_says(filters.text))
    return found


def _all(filters: Filters) -> list[ColumnElement[bool]]:
    """Everything that is asked for: across organisations entries stand in order of time alone."""
    found = _rest(Filters(text=filters.text))
    if filters.kind:
        found.append(col(AuditEntry.actor_kind) == filters.kind)
    if filters.person_id is not None:
        found.append(col(AuditEntry.person_id) == filters.person_id)
    if filters.subject_id is not None:
        found.append(col(AuditEntry.subject_id) == filters.subject_id)
    if filters.actions:
        found.append(col(AuditEntry.action).in_(filters.actions))
    return found


def _says(text: str) -> ColumnElement[bool]:
    """In details as JSON writes them, where beyond ASCII capitals count."""
    written = json.dumps(text)[1:-1]
    forms = {written.lower(), text.lower()}
    details = func.lower(cast(col(AuditEntry.details), Text))
    lines = (func.lower(col(AuditEntry.actor)), col(AuditEntry.address))
    return or_(
        *[details.contains(form, autoescape=True) for form in sorted(forms)],
        *[line.contains(text.lower(), autoescape=True) for line in lines],
    )


def _window(filters: Filters, conditions: list[ColumnElement[bool]], reach: int) -> Select[UUID, datetime]:
    """The newest `reach` that one index serves."""
    at, entry_id = col(AuditEntry.at), col(AuditEntry.id)

    def newest(*more: ColumnElement[bool]) -> Select[UUID, datetime]:
        found = select(entry_id, at).where(*conditions, *more)
        return found.order_by(at.desc(), entry_id.desc()).limit(reach)

    if filters.subject_id is not None:
        return newest(col(AuditEntry.subject_id) == filters.subject_id)
    if filters.person_id is not None:
        return newest(col(AuditEntry.person_id) == filters.person_id)
    if len(filters.actions) > 1:
        each = [newest(col(AuditEntry.action) == action).subquery() for action in filters.actions]
        together = union_all(*[select(one.c.id, one.c.at) for one in each]).subquery()
        found = select(together)
        return found.order_by(together.c.at.desc(), together.c.id.desc()).limit(reach)
    if filters.actions:
        return newest(col(AuditEntry.action) == filters.actions[0])
    if filters.kind:
        return newest(col(AuditEntry.actor_kind) == filters.kind)
    return newest()
