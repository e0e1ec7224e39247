"""To whom mail about moves goes, and under which key, so that each is written once and can be taken back."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import func
from sqlmodel import Session, col, select

from app.core.mail import Mail
from app.organisations import queries
from app.organisations.models import Organisation


def key_of(organisation: Organisation, version_id: UUID, at: datetime) -> str:
    """Of the mail that says that the organisation follows to this version at `at`."""
    return f"{_about(organisation.id, version_id)}{at:%Y-%m-%d}"


def first_told_at(session: Session, organisation_id: UUID, version_id: UUID) -> datetime | None:
    """When mail about following to this version was first written to the organisation; None if none is known."""
    about = _about(organisation_id, version_id)
    statement = select(func.min(col(Mail.queued_at))).where(col(Mail.key) >= about, col(Mail.key) < about + "~")
    found = session.exec(statement).one()
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def _about(organisation_id: UUID, version_id: UUID) -> str:
    return f"plan-move:{organisation_id}:{version_id}:"


def payers_of(session: Session, organisation: Organisation) -> list[str]:
    """The addresses of those who see to paying, who joined first first."""
    return queries.addresses_with(session, organisation.id, "billing:write")
