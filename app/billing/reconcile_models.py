"""What comparing the ledger with Stripe has found, and up to where the two agree."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime

MISSING, EXTRA, LATE, VALUE, UNKNOWN = "missing", "extra", "late", "value", "unknown"
CLASSES = (MISSING, EXTRA, LATE, VALUE, UNKNOWN)
"""missing: Stripe has less than it should. extra: it has more. late: something has waited for too long. value: two
figures of ours that must be the same are not, or Stripe made another amount of the same quantity. unknown: Stripe
speaks of something that we did not send.
"""
NOBODY = UUID(int=0)
"""Whose a finding is that belongs to no organisation."""


class ReconcileRun(SQLModel, table=True):
    """One comparison of everything. ended_at: None while it runs, or when it was cut off. broke_off_at: when
    something it asked did not answer. places: how many pairs of figures were compared.
    """

    __tablename__ = "reconcile_run"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    mode: str = Field(max_length=4)
    began_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    broke_off_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    places: int = Field(default=0)
    findings: int = Field(default=0)


class Finding(SQLModel, table=True):
    """Two figures that should be the same and are not. One row for each place, however often it is found.

    subject: what was compared, in words that stay the same (“calls of 2026-11, postern_…_calls”). ours, theirs: the two
    figures. proposal: what to do about it. month_at: of whose usage; None where there is none. ended_at: when it was
    first not found again; None while it is open.
    """

    __tablename__ = "finding"
    __table_args__ = (
        UniqueConstraint("mode", "organisation_id", "kind", "subject"),
        Index("ix_finding_ended_at_seen_at", "ended_at", "seen_at"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    mode: str = Field(max_length=4)
    organisation_id: UUID
    kind: str = Field(max_length=10)
    subject: str = Field(max_length=200)
    ours: int = Field(sa_column=Column(BigInteger, nullable=False))
    theirs: int = Field(sa_column=Column(BigInteger, nullable=False))
    proposal: str = Field(max_length=300)
    month_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    found_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    seen_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class Agreed(SQLModel, table=True):
    """Up to which link of an organisation's chain, and which moment, Stripe and we agree: shown to the customer."""

    __tablename__ = "agreed"

    organisation_id: UUID = Field(primary_key=True)
    mode: str = Field(max_length=4, primary_key=True)
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
