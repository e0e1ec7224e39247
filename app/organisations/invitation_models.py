"""Invitations into an organisation, and who was taken out of one."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Column, Index
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime

OPEN, USED, EXPIRED, REVOKED = "open", "used up", "expired", "revoked"


class Invitation(SQLModel, table=True):
    """That whoever has its token may join. The token is in the mail or link alone; here is its SHA-256.

    email: to whom it was sent; "" for a link. uses_most: 1 for a mail. created_by: the name of who made it, as it was.
    sent_at: when the present token was made.
    """

    __table_args__ = (Index("ix_invitation_organisation_id_created_at", "organisation_id", "created_at"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    email: str = Field(default="", max_length=254)
    role: str = Field(max_length=20)
    token_digest: str = Field(max_length=64, unique=True)
    days: int
    uses_most: int
    uses: int = Field(default=0)
    created_by_id: UUID | None = Field(default=None)
    created_by: str = Field(default="", max_length=120)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    sent_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))

    @property
    def is_link(self) -> bool:
        """Whether anybody who has it may use it."""
        return not self.email

    def state_at(self, now: datetime) -> str:
        """OPEN, USED, EXPIRED or REVOKED."""
        if self.revoked_at is not None:
            return REVOKED
        if self.uses >= self.uses_most:
            return USED
        return EXPIRED if self.expires_at <= now else OPEN


class FormerMember(SQLModel, table=True):
    """Somebody who was taken out of an organisation: only an invitation lets them in again."""

    __tablename__ = "former_member"

    organisation_id: UUID = Field(foreign_key="organisation.id", primary_key=True)
    person_id: UUID = Field(foreign_key="person.id", primary_key=True)
    removed_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
