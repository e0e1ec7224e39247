"""Who belongs to an organisation, and as what: looking them up, letting them in, changing their role, taking them out.

Nobody gives a role that may do more than their own, nor touches somebody whose role may; and no organisation is ever
without an owner.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import case
from sqlmodel import Session, col, select

from app.accounts.models import Person
from app.core import audit
from app.core.errors import Conflict, Invalid, LimitReached, NotAllowed, NotFound
from app.organisations import ownership, queries, roles
from app.organisations.acting import Actor
from app.organisations.invitation_models import FormerMember
from app.organisations.models import Membership, Organisation


class Member(NamedTuple):
    """One person of an organisation."""

    person: Person
    membership: Membership


def of(session: Session, organisation: Organisation, *, limit: int, offset: int = 0) -> list[Member]:
    """Widest role first, and who joined first within each."""
    rank = case({role: place for place, role in enumerate(roles.PERMISSIONS)}, value=col(Membership.role))
    statement = (
        select(Person, Membership)
        .join(Membership, col(Membership.person_id) == col(Person.id))
        .where(Membership.organisation_id == organisation.id)
        .order_by(rank, col(Membership.joined_at), col(Person.id))
        .limit(limit)
        .offset(offset)
    )
    return [Member(person, membership) for person, membership in session.exec(statement)]


def one(session: Session, organisation: Organisation, person_id: UUID) -> Member:
    """Raises NotFound for somebody of another organisation as for nobody."""
    found = session.exec(
        select(Person, Membership)
        .join(Membership, col(Membership.person_id) == col(Person.id))
        .where(Membership.organisation_id == organisation.id, Membership.person_id == person_id)
    ).first()
    if found is None:
        raise NotFound("There is no such member in this organisation.")
    return Member(*found)


def join(
    session: Session,
    *,
    organisation: Organisation,
    person: Person,
    role: str,
    seats: int,
    how: str,
    now: datetime,
) -> Membership:
    """Let somebody in. seats: how many there are, 0 for as many as one likes. how: for the audit log, “by invitation”.

    Raises Conflict for who belongs to it already, or while it is being deleted; LimitReached when no seat is free.
    """
    ownership.lock(session, organisation)
    if session.get(Membership, (organisation.id, person.id)) is not None:
        raise Conflict(f"You belong to “{organisation.name}” already.")
    if organisation.closes_at is not None:
        raise Conflict(f"“{organisation.name}” is being deleted, so nobody can join it.")
    if seats and queries.count_members(session, organisation) >= seats:
        raise LimitReached(
            f"All {seats} seats of “{organisation.name}” are taken. Whoever runs it can add one; then this works."
        )
    former = session.get(FormerMember, (organisation.id, person.id))
    if former is not None:
        session.delete(former)
    membership = Membership(organisation_id=organisation.id, person_id=person.id, role=role, joined_at=now)
    session.add(membership)
    session.flush()
    _tell(session, organisation, person, "member.joined", {"role": role, "how": how}, person_id=person.id, now=now)
    return membership


def change_role(
    session: Session,
    *,
    organisation: Organisation,
    member: Member,
    role: str,
    by: Actor,
    now: datetime,
) -> None:
    """Raises Invalid for what is no role, NotAllowed for more than the actor's own, Conflict for the last owner."""
    if role not in roles.PERMISSIONS:
        raise Invalid(f"A role is one of {', '.join(roles.PERMISSIONS)}.")
    if not roles.covers(by.role, role):
        raise NotAllowed(f"Only an {role} can make somebody {role}.")
    membership = _alone_with(session, organisation, member)
    _check_reach(by.role, member)
    if membership.role == role:
        return
    ownership.keep_an_owner(session, organisation, membership)
    was, membership.role = membership.role, role
    session.add(membership)
    change = {"role": f"{was} → {role}"}
    _tell(session, organisation, member.person, "member.role_changed", change, person_id=by.person_id, now=now)


def remove(session: Session, *, organisation: Organisation, member: Member, by: Actor, now: datetime) -> None:
    """They do not belong to it any more, and only an invitation brings them back. Keys stay as they are.

    Raises NotAllowed where their role is wider than the actor's, Conflict for the last owner.
    """
    membership = _alone_with(session, organisation, member)
    _check_reach(by.role, member)
    ownership.keep_an_owner(session, organisation, membership)
    session.delete(membership)
    forget(session, organisation, member.person, now=now)
    details = {"role": membership.role}
    _tell(session, organisation, member.person, "member.removed", details, person_id=by.person_id, now=now)


def forget(session: Session, organisation: Organisation, person: Person, *, now: datetime) -> None:
    """Remember that they are not to come back by themselves."""
    session.merge(FormerMember(organisation_id=organisation.id, person_id=person.id, removed_at=now))
    session.flush()


def was_removed(session: Session, organisation_id: UUID, person_id: UUID) -> bool:
    """Whether they were taken out, or left, and have not been invited since."""
    return session.get(FormerMember, (organisation_id, person_id)) is not None


def _check_reach(by_role: str, member: Member) -> None:
    if not roles.covers(by_role, member.membership.role):
        raise NotAllowed(f"{member.person.name} is an {member.membership.role}. Only an owner can change that.")


def _alone_with(session: Session, organisation: Organisation, member: Member) -> Membership:
    """As it is now that nobody else changes it; `member` has the same row."""
    ownership.lock(session, organisation)
    place = (member.membership.organisation_id, member.membership.person_id)
    found = session.get(Membership, place, populate_existing=True)
    if found is None:
        raise Conflict(f"{member.person.name} was taken out already.")
    return found


def _tell(
    session: Session,
    organisation: Organisation,
    person: Person,
    action: str,
    details: dict[str, str],
    *,
    person_id: UUID | None,
    now: datetime,
) -> None:
    audit.record(
        session,
        action=action,
        now=now,
        organisation_id=organisation.id,
        person_id=person_id,
        subject_id=person.id,
        details={"name": person.name, **details},
    )
    session.flush()
