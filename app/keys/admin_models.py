"""Admin keys, with which programs ask the API (app/api) and never the gateway."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime

LIVE, EXPIRED, REVOKED = "live", "expired", "revoked"


class AdminKey(SQLModel, table=True):
    """With it a program may do in an organisation what `role` includes, by the API and nowhere else.

    prefix, last_four, digest: as of a key for the gateway. created_by_id: who made it, who may have left. window_at,
    window_count: the minute of its last requests, and how many there were in it (app/api/rates.py).
    """

    __tablename__ = "admin_key"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id", index=True)
    created_by_id: UUID = Field()
    name: str = Field(max_length=80)
    role: str = Field(max_length=20)
    prefix: str = Field(max_length=32)
    last_four: str = Field(max_length=4)
    digest: str = Field(max_length=64, unique=True)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    expires_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    last_used_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    window_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    window_count: int = Field(default=0)

    def state_at(self, now: datetime) -> str:
        """LIVE, EXPIRED or REVOKED."""
        if self.revoked_at is not None:
            return REVOKED
        return EXPIRED if self.expires_at is not None and self.expires_at <= now else LIVE

    @property
    def hint(self) -> str:
        """How lists show it: `pst_admin_AbCdEfGh…wXyZ`."""
        return f"{self.prefix}…{self.last_four}"
