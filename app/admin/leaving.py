"""Who cancelled, and what they said about it: from the trail, which keeps it for good."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from app.core.audit import AuditEntry
from app.organisations.models import Organisation

ACTION = "subscription.cancelled"


@dataclass(frozen=True, slots=True)
class Leaving:
    """reason: in the customer's words; "" for none."""

    at: datetime
    organisation_id: UUID
    name: str
    reason: str


def cancellations(session: Session, *, limit: int, offset: int = 0) -> list[Leaving]:
    """Newest first, those taken back later included."""
    statement = (
        select(AuditEntry, Organisation.name)
        .join(Organisation, col(Organisation.id) == col(AuditEntry.organisation_id))
        .where(AuditEntry.action == ACTION)
        .order_by(col(AuditEntry.at).desc(), col(AuditEntry.id))
        .limit(limit)
        .offset(offset)
    )
    return [
        Leaving(entry.at, entry.organisation_id, name, entry.details.get("reason", ""))
        for entry, name in session.exec(statement)
        if entry.organisation_id is not None
    ]
