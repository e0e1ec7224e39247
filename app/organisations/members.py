"""Who belongs to an organisation, and as what."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import case
from sqlmodel import Session, col, select

from app.accounts.models import Person
from app.core.errors import NotFound
from app.organisations import roles
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
