"""The audit trail: one row for every change that a customer could ask about. Rows are only ever added."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import JSON, Column, Index
from sqlmodel import Field, Session, SQLModel

from app.core import logs
from app.core.db import UtcDateTime


class AuditEntry(SQLModel, table=True):
    """Who did what to which thing, when, during which request. `details` holds names and ids, never secrets."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index("ix_audit_entry_organisation_id_at", "organisation_id", "at"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    organisation_id: UUID | None = Field(default=None)
    person_id: UUID | None = Field(default=None, index=True)
    action: str = Field(max_length=60)
    subject_id: UUID | None = Field(default=None)
    details: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    request_id: str | None = Field(default=None, max_length=40)


def record(
    session: Session,
    *,
    action: str,
    now: datetime,
    organisation_id: UUID | None = None,
    person_id: UUID | None = None,
    subject_id: UUID | None = None,
    details: dict[str, str] | None = None,
) -> None:
    """Write down `action` (a dotted past tense such as "key.revoked") in the caller's transaction.

    person_id: who acted; None when it was the command line or a job.
    """
    session.add(
        AuditEntry(
            at=now,
            organisation_id=organisation_id,
            person_id=person_id,
            action=action,
            subject_id=subject_id,
            details=details or {},
            request_id=logs.current_request_id(),
        )
    )
