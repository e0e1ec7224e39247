"""To whom mail about moves goes, and under which key, so that each is written once and can be taken back."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from app.accounts.models import Person
from app.organisations import roles
from app.organisations.models import Membership, Organisation

_PAYERS = [role for role in roles.PERMISSIONS if roles.may(role, "billing:write")]


def key_of(organisation: Organisation, version_id: UUID, at: datetime) -> str:
    """Of the mail that says that the organisation follows to this version at `at`."""
    return f"plan-move:{organisation.id}:{version_id}:{at:%Y-%m-%d}"


def day(at: datetime) -> str:
    """“1 December 2026”."""
    return f"{at.day} {at:%B %Y}"


def payers_of(session: Session, organisation: Organisation) -> list[str]:
    """The addresses of those who see to paying, sorted."""
    statement = (
        select(Person.email)
        .join(Membership, col(Membership.person_id) == col(Person.id))
        .where(
            Membership.organisation_id == organisation.id,
            col(Membership.role).in_(_PAYERS),
            col(Person.email).is_not(None),
        )
    )
    return sorted({address for address in session.exec(statement) if address})
