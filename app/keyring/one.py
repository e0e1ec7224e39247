"""What the page of one key tells: what it was refused, who used it from where, what happened to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session, col, select

from app.accounts.models import Person
from app.core import audit_words
from app.core.audit import AuditEntry
from app.core.audit_words import Change
from app.keys import rotation, seen
from app.keys.models import Key, KeySecret
from app.keys.seen_models import SecretUse
from app.metering import attempts

HISTORY = 20
SIGHTINGS = 10


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret that the key had before. works: until its end; calls: today; last: its last use, None for never."""

    secret: KeySecret
    works: bool
    calls: int
    last: SecretUse | None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the key: a sentence, and what was different after it."""

    at: datetime
    sentence: str
    changes: Sequence[Change]


@dataclass(frozen=True, slots=True)
class Refused:
    """Tries of one kind that were refused. tries: at least; floods are put together."""

    title: str
    what_to_do: str
    tries: int


def secrets(session: Session, key: Key, *, now: datetime) -> list[Secret]:
    """Those before the current one, the last one first, with how each is used."""
    earlier = rotation.secrets_of(session, key)
    if not earlier:
        return []
    today, last = seen.uses_of(session, key.id, on=now.date()), seen.last_uses_of(session, key.id)
    found = []
    for one in earlier:
        name = seen.secret_id(one.digest)
        found.append(Secret(one, one.works_at(now), today[name].calls if name in today else 0, last.get(name)))
    return found


def history(session: Session, key: Key, *, product: str, limit: int = HISTORY) -> list[Event]:
    """The newest entries of the audit trail about it, newest first."""
    statement = (
        select(AuditEntry)
        .where(AuditEntry.subject_id == key.id, AuditEntry.organisation_id == key.organisation_id)
        .order_by(col(AuditEntry.at).desc(), col(AuditEntry.id).desc())
        .limit(limit)
    )
    entries = session.exec(statement).all()
    names = _names(session, {entry.person_id for entry in entries if entry.person_id is not None})
    return [
        Event(
            entry.at,
            audit_words.sentence(entry, name=names.get(entry.person_id, ""), itself=product),
            audit_words.changes(entry),
        )
        for entry in entries
    ]


def refused(found: Sequence[tuple[str, int]], *, keys_url: str, gateway_url: str, operator: str) -> list[Refused]:
    """Reasons in words. found: (reason, tries)."""
    told = []
    for reason, tries in found:
        said = attempts.explain(
            reason, path="that address", keys_url=keys_url, gateway_url=gateway_url, operator=operator
        )
        told.append(Refused(said.title, said.what_to_do, tries))
    return told


def ends_when_quiet(secret: Secret) -> datetime | None:
    """When a secret that waits for quiet would end if nobody used it any more; None for one that does not."""
    if secret.secret.quiet_hours is None:
        return None
    since = secret.last.last_at if secret.last is not None else secret.secret.replaced_at
    return max(since, secret.secret.replaced_at) + timedelta(hours=secret.secret.quiet_hours)


def _names(session: Session, person_ids: set[UUID]) -> dict[UUID | None, str]:
    if not person_ids:
        return {}
    return dict(session.exec(select(Person.id, Person.name).where(col(Person.id).in_(person_ids))).all())
