"""What calls cost."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import JSON, BigInteger, Column, Index
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime


class PriceVersion(SQLModel, table=True):
    """The price of an integration's calls from a moment on; never changed (the database refuses it), only followed
    by the next.

    tool: "" for every tool without a price of its own. nanos_per_unit: nano-minor-units (1e-9 of a cent) per call.
    scheme: how an aggregate is rated, as app/plans/rating.py reads it. digest: SHA-256 of the canonical version.
    """

    __tablename__ = "price_version"
    __table_args__ = (
        Index("ix_price_version_place", "integration_id", "tool", "effective_at"),
        {"sqlite_with_rowid": False},
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    integration_id: UUID = Field(foreign_key="integration.id")
    tool: str = Field(default="", max_length=128)
    currency: str = Field(max_length=3)
    nanos_per_unit: int = Field(sa_column=Column(BigInteger, nullable=False))
    scheme: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    digest: str = Field(max_length=64)
    effective_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
