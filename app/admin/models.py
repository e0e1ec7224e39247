"""What operators write down for each other."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Column, Index
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime

LONGEST = 2_000


class OrganisationNote(SQLModel, table=True):
    """About a customer, for operators alone; that there is one stands in the audit trail, what it says does not."""

    __tablename__ = "organisation_note"
    __table_args__ = (Index("ix_organisation_note_organisation_id_created_at", "organisation_id", "created_at"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    person_id: UUID | None = Field(default=None, foreign_key="person.id")
    words: str = Field(max_length=LONGEST)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
