"""Prepaid credit: what was granted, and the journal of everything that happened to it."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, CheckConstraint, Column, Index
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime

PAID, PROMOTIONAL, GIFT = "paid", "promotional", "gift"
KINDS = (PAID, PROMOTIONAL, GIFT)
GRANT, USAGE, REVERSAL, EXPIRY, REFUND = "grant", "usage", "reversal", "expiry", "refund"


class JournalGroup(SQLModel, table=True):
    """Something that happened to an organisation's credit, once. reference: what it is the record of, so that it is not
    recorded twice. words: for the customer. Rows are only ever added; so are entries.
    """

    __tablename__ = "journal_group"
    __table_args__ = (Index("ix_journal_group_organisation_id_at", "organisation_id", "at"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    kind: str = Field(max_length=12)
    reference: str = Field(max_length=300, unique=True)
    words: str = Field(default="", max_length=200)
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class JournalEntry(SQLModel, table=True):
    """One side of it; those of a group sum to 0. account: “credit:” and a grant's id for what is left of that, or where
    credit comes from (its kind) and goes to (“usage”, “expired”, “refunded”). nanos: nano-minor-units, signed.
    """

    __tablename__ = "journal_entry"

    group_id: UUID = Field(foreign_key="journal_group.id", primary_key=True)
    account: str = Field(max_length=60, primary_key=True)
    currency: str = Field(max_length=3, primary_key=True)
    nanos: int = Field(sa_column=Column(BigInteger, nullable=False))


class CreditGrant(SQLModel, table=True):
    """Credit that can be used from now until `expires_at` (half-open; None for ever). Nano-minor-units.

    kind: "paid", "promotional" or "gift". priority: the lower is used first among those that expire together. used,
    expired, voided: what of it is gone, and how. reference: what it was given for, so that it is given once.
    """

    __tablename__ = "credit_grant"
    __table_args__ = (
        CheckConstraint("used_nanos >= 0 AND expired_nanos >= 0 AND voided_nanos >= 0", name="not_negative"),
        CheckConstraint("used_nanos + expired_nanos + voided_nanos <= nanos", name="not_beyond"),
        Index("ix_credit_grant_organisation_id_currency", "organisation_id", "currency"),
        Index("ix_credit_grant_expires_at", "expires_at"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    currency: str = Field(max_length=3)
    nanos: int = Field(sa_column=Column(BigInteger, nullable=False))
    kind: str = Field(max_length=12)
    priority: int = Field(default=0)
    expires_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    used_nanos: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    expired_nanos: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    voided_nanos: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    reference: str = Field(max_length=255, unique=True)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))

    @property
    def left_nanos(self) -> int:
        """What can still be used of it."""
        return self.nanos - self.used_nanos - self.expired_nanos - self.voided_nanos

    @property
    def account(self) -> str:
        """Its account in the journal, whose sum is what is left."""
        return f"credit:{self.id}"
