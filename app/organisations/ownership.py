"""Whose an organisation is: giving it to another member, and leaving it. Never is there one without an owner."""

from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col

from app.accounts.models import Person
from app.core import audit, mail
from app.core.errors import Conflict, NotAllowed, NotFound
from app.organisations import queries, roles
from app.organisations.invitation_models import FormerMember
from app.organisations.models import Membership, Organisation


def transfer(session: Session, *, organisation: Organisation, giver: Person, taker: Person, now: datetime) -> None:
    """`taker`, a member, owns it from now on and is told by mail; `giver` becomes an admin.

    Raises NotAllowed where the giver does not own it, NotFound where the taker is no member, Conflict for oneself.
    """
    if giver.id == taker.id:
        raise Conflict("It is yours already.")
    lock(session, organisation)
    given, taken = _membership(session, organisation, giver), _membership(session, organisation, taker)
    if given.role != roles.OWNER:
        raise NotAllowed("Only an owner can give the organisation to somebody else.")
    was, given.role, taken.role = taken.role, roles.ADMIN, roles.OWNER
    session.add(given)
    session.add(taken)
    audit.record(
        session,
        action="organisation.transferred",
        now=now,
        organisation_id=organisation.id,
        person_id=giver.id,
        subject_id=taker.id,
        details={"to": taker.name, "their role": f"{was} → owner", "own role": "owner → admin"},
    )
    session.flush()
    if taker.email:
        mail.queue(
            session,
            to=taker.email,
            template="organisation_transferred",
            context={"organisation": organisation.name, "by": giver.name, "path": "/organisation/"},
            key=f"transferred:{organisation.id}:{taker.id}:{now.isoformat()}",
            organisation_id=organisation.id,
            now=now,
        )


def leave(session: Session, *, organisation: Organisation, person: Person, now: datetime) -> None:
    """They do not belong to it any more; keys that they made stay. Raises Conflict for the last owner."""
    lock(session, organisation)
    membership = _membership(session, organisation, person)
    keep_an_owner(session, organisation, membership)
    session.delete(membership)
    session.merge(FormerMember(organisation_id=organisation.id, person_id=person.id, removed_at=now))
    audit.record(
        session,
        action="member.left",
        now=now,
        organisation_id=organisation.id,
        person_id=person.id,
        subject_id=person.id,
        details={"name": person.name, "role": membership.role},
    )
    session.flush()


def keep_an_owner(session: Session, organisation: Organisation, membership: Membership) -> None:
    """Before this membership ends or changes. Raises Conflict, with what to do, if it is the last owner's."""
    if membership.role == roles.OWNER and queries.count_members(session, organisation, role=roles.OWNER) == 1:
        raise Conflict(
            f"“{organisation.name}” would be left without an owner. Give it to another member first, or delete it."
        )


def lock(session: Session, organisation: Organisation) -> None:
    """So that of two changes at once the second sees the first: two owners must not both leave.

    `organisation` is as it is now afterwards. By an UPDATE, since SQLite locks nothing for a SELECT.
    """
    same = update(Organisation).where(col(Organisation.id) == organisation.id).values(name=Organisation.name)
    session.execute(same, execution_options={"synchronize_session": False})
    session.refresh(organisation)


def _membership(session: Session, organisation: Organisation, person: Person) -> Membership:
    found = session.get(Membership, (organisation.id, person.id), populate_existing=True)
    if found is None:
        raise NotFound("There is no such member in this organisation.")
    return found
