"""To whom mail about moves goes, and under which key, so that each is written once and can be taken back."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from app.organisations import queries
from app.organisations.models import Organisation


def key_of(organisation: Organisation, version_id: UUID, at: datetime) -> str:
    """Of the mail that says that the organisation follows to this version at `at`."""
    return f"plan-move:{organisation.id}:{version_id}:{at:%Y-%m-%d}"


def day(at: datetime) -> str:
    """“1 December 2026”."""
    return f"{at.day} {at:%B %Y}"


def payers_of(session: Session, organisation: Organisation) -> list[str]:
    """The addresses of those who see to paying, who joined first first."""
    return queries.addresses_with(session, organisation.id, "billing:write")
