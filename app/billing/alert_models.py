"""Warnings before something is used up: at which shares an organisation wants them, and which it has been given."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import JSON, BigInteger, Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime

USUAL = (50, 80, 100)
"""Percent; for whoever has chosen nothing."""


class AlertSetting(SQLModel, table=True):
    """thresholds: in percent, from 1 to 100, ascending; [] for no warnings. by_mail: whether they come by mail."""

    __tablename__ = "alert_setting"

    organisation_id: UUID = Field(foreign_key="organisation.id", primary_key=True)
    thresholds: list[int] = Field(sa_column=Column(JSON, nullable=False))
    by_mail: bool = Field(default=True)
    changed_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class Alert(SQLModel, table=True):
    """That a threshold was passed: one row for each limit as it stood, period and threshold, which `key` names.

    words: what was told, one sentence. is_told: False when it had been passed already as the cap or the thresholds were
    set, or when a higher one was told in the same moment.
    """

    __tablename__ = "limit_alert"
    __table_args__ = (
        UniqueConstraint("organisation_id", "key"),
        Index("ix_limit_alert_organisation_id_at", "organisation_id", "at"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    key: str = Field(max_length=300)
    threshold: int
    words: str = Field(max_length=300)
    most: int = Field(sa_column=Column(BigInteger, nullable=False))
    used: int = Field(sa_column=Column(BigInteger, nullable=False))
    is_told: bool = Field(default=False)
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
