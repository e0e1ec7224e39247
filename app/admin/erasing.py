"""Erasing a person on their request: what says who they are goes; what the law keeps (calls, bills, the trail) stays,
and pages and files show of it only that somebody did it: entries themselves cannot be changed. What becomes of each
column: personal.py.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, update
from sqlmodel import Session, col, select

from app.accounts.models import BrowserSession, Identity, Person
from app.admin import people
from app.admin.models import OrganisationNote
from app.core.audit_words import ERASED
from app.core.errors import Conflict
from app.core.mail import Mail
from app.core.mail_kinds import MailRefusal
from app.keys import services as keys
from app.keys.models import Key
from app.organisations import closing, roles, stopping
from app.organisations.invitation_models import FormerMember, Invitation
from app.organisations.models import SUSPENDED, FormerSlug, Membership, Organisation

WORDS = "The person to whom it belonged was erased on their request."


def left_ownerless(session: Session, person: Person) -> list[Organisation]:
    """Where they are the only owner while others belong: somebody else must own those first."""
    return [place for place in _owned_alone(session, person) if _count(session, place) > 1]


def erase(session: Session, *, person: Person, operator_id: UUID, now: datetime) -> None:
    """Nobody can sign in as them any more; organisations of theirs alone stop, their keys are revoked.

    Raises Conflict for an operator, for somebody erased already, and while an organisation would be without an owner.
    """
    if person.is_operator:
        raise Conflict(f"{person.name} is an operator. Take that away first: `postern operator remove`.")
    if not session.exec(select(Identity.id).where(Identity.person_id == person.id)).first():
        raise Conflict("This person is erased already.")
    ownerless = left_ownerless(session, person)
    if ownerless:
        names = ", ".join(f"“{place.name}”" for place in ownerless)
        raise Conflict(f"Without {person.name}, {names} would have no owner. Have somebody else made one first.")
    for place in _owned_alone(session, person):
        _close(session, place, operator_id=operator_id, now=now)
    people.tell(session, person, "person.erased", {"person": ERASED}, operator_id=operator_id, now=now)
    if person.email:
        _forget_address(session, person.email.lower())
    for table in (BrowserSession, Identity, Membership, FormerMember):
        session.execute(delete(table).where(col(table.person_id) == person.id))
    session.execute(update(Invitation).where(col(Invitation.created_by_id) == person.id).values(created_by=ERASED))
    person.name, person.email = ERASED, None
    session.add(person)
    session.flush()


def _forget_address(session: Session, address: str) -> None:
    """address: in small letters. Bills that were paid keep theirs; organisations that go on say anew where bills go."""
    session.execute(delete(Mail).where(func.lower(col(Mail.recipient)) == address))
    session.execute(delete(MailRefusal).where(col(MailRefusal.address) == address))
    session.execute(delete(Invitation).where(func.lower(col(Invitation.email)) == address))
    billed = update(Organisation).where(func.lower(col(Organisation.billing_email)) == address)
    session.execute(billed.values(billing_email=""))


def _close(session: Session, place: Organisation, *, operator_id: UUID, now: datetime) -> None:
    """Of one that belonged to nobody else."""
    for key in session.exec(select(Key).where(Key.organisation_id == place.id, col(Key.revoked_at).is_(None))).all():
        keys.revoke(session, key=key, person_id=operator_id, now=now)
    if place.stopped_why == SUSPENDED:  # it would stay so for ever: nobody is left whom that could be about
        stopping.resume(session, organisation=place, why=SUSPENDED, person_id=operator_id, now=now)
    if place.closes_at is None:
        closing.begin(session, organisation=place, words=WORDS, person_id=operator_id, now=now)
    if place.is_personal:  # called after them
        place.name, place.slug = ERASED, f"erased-{place.id.hex}"
        session.add(place)
        for table in (FormerSlug, OrganisationNote):
            session.execute(delete(table).where(col(table.organisation_id) == place.id))


def _owned_alone(session: Session, person: Person) -> list[Organisation]:
    """Those whose only owner they are."""
    owners = (
        select(Membership.organisation_id)
        .where(Membership.role == roles.OWNER)
        .group_by(col(Membership.organisation_id))
        .having(func.count() == 1)
    )
    statement = (
        select(Organisation)
        .join(Membership, col(Membership.organisation_id) == col(Organisation.id))
        .where(Membership.person_id == person.id, Membership.role == roles.OWNER, col(Organisation.id).in_(owners))
        .order_by(col(Organisation.created_at))
    )
    return list(session.exec(statement))


def _count(session: Session, place: Organisation) -> int:
    return session.exec(select(func.count()).where(col(Membership.organisation_id) == place.id)).one()
