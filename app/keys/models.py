"""API keys: only a digest is kept, with as much of the key as its owner needs to recognise it."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import JSON, Column, true
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime
from app.keys import networks, scopes

LIVE = "live"
DISABLED = "disabled"
EXPIRED = "expired"
REVOKED = "revoked"
STOPPED = "stopped"
"""States of a key. Only a live one opens the gateway; a revoked one never does again. Stopped is whose organisation is:
the key by itself may be live.
"""


class Key(SQLModel, table=True):
    """A credential of an organisation.

    prefix: the key up to and with its first eight random characters; last_four: its end. environment: "live" or
    "test"; test keys reach sample answers and cost nothing. is_enabled: switched off is not revoked, and comes back.
    networks: addresses and CIDR ranges that may use it; empty for anywhere. scopes: "slug" for all of an integration,
    "slug/tool" for one tool; None for everything, an empty list for nothing. expires_at: the first moment at which it
    does not work any more.
    """

    __tablename__ = "api_key"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id", index=True)
    created_by_id: UUID | None = Field(default=None, foreign_key="person.id")
    name: str = Field(max_length=80)
    environment: str = Field(max_length=4)
    prefix: str = Field(max_length=32, index=True)
    last_four: str = Field(max_length=4)
    digest: str = Field(max_length=64, unique=True)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    last_used_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    expires_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    is_enabled: bool = Field(default=True, sa_column_kwargs={"server_default": true()})
    networks: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False, server_default="[]"))
    scopes: list[str] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))

    @property
    def is_revoked(self) -> bool:
        """Whether it was stopped for good."""
        return self.revoked_at is not None

    def state_at(self, now: datetime) -> str:
        """LIVE, DISABLED, EXPIRED or REVOKED; where several hold, the one that is hardest to undo."""
        if self.is_revoked:
            return REVOKED
        if self.expires_at is not None and self.expires_at <= now:
            return EXPIRED
        return LIVE if self.is_enabled else DISABLED

    @property
    def is_restricted(self) -> bool:
        """Whether it reaches less than everything, or not from anywhere."""
        return self.scopes is not None or bool(self.networks)

    @property
    def reach(self) -> str:
        """“sampler, clock/get_current_time” or “Everything”."""
        return scopes.in_words(self.scopes)

    @property
    def origin(self) -> str:
        """“10.0.0.0/8, 192.0.2.7” or “Anywhere”."""
        return networks.in_words(self.networks)

    @property
    def hint(self) -> str:
        """How lists show it: `pst_live_AbCdEfGh…wXyZ`."""
        return f"{self.prefix}…{self.last_four}"
