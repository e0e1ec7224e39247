"""API keys: only a digest is kept, with as much of the key as its owner needs to recognise it.

A key is a row that stays; its secret may be replaced (docs/adr/0022). What counts, limits and remembers goes by the
row's id and never by the secret.
"""

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

LEAK = "leak"
OPERATOR = "operator"
"""Why a key is disabled, where it was not simply switched off by one of its organisation, which is ""."""


class Key(SQLModel, table=True):
    """A credential of an organisation.

    prefix: the key up to and with its first eight random characters; last_four: its end. environment: "live" or
    "test"; test keys reach sample answers and cost nothing. is_enabled: switched off is not revoked, and comes back.
    networks: addresses and CIDR ranges that may use it; empty for anywhere. scopes: "slug" for all of an integration,
    "slug/tool" for one tool; None for everything, an empty list for nothing. expires_at: the first moment at which it
    does not work any more.

    prefix, last_four, digest: of the current secret, made at rotated_at (None: with the key); earlier ones that may
    still work are in KeySecret. owner_id: the person it belongs to, who may have left: the key is the organisation's
    and stays; None for a service's, which `service` names. disabled_reason: "", LEAK or OPERATOR, disabled_note: in
    words, disabled_by_id: who switched it off; all of them say nothing of a key that is on. deleted_at: kept as a
    record, but in no list. last_address, last_client: of its last use (app/keys/seen.py).
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
    owner_id: UUID | None = Field(default=None, index=True)
    service: str = Field(default="", max_length=60, sa_column_kwargs={"server_default": ""})
    rotated_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    disabled_reason: str = Field(default="", max_length=12, sa_column_kwargs={"server_default": ""})
    disabled_note: str = Field(default="", max_length=200, sa_column_kwargs={"server_default": ""})
    disabled_by_id: UUID | None = Field(default=None)
    deleted_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    last_address: str = Field(default="", max_length=45, sa_column_kwargs={"server_default": ""})
    last_client: str = Field(default="", max_length=80, sa_column_kwargs={"server_default": ""})

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
    def secret_made_at(self) -> datetime:
        """Since when its current secret exists."""
        return self.rotated_at or self.created_at

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


class KeySecret(SQLModel, table=True):
    """A secret that a key had before the one it has, and which may still work beside it.

    created_at: when it was made; replaced_at: when it ceased to be the key's own. It ends at retires_at, and once it
    was not used for quiet_hours; with neither it ended at once. ended_at: when it did, None as long as nobody wrote
    that down: see works_at.
    """

    __tablename__ = "key_secret"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    key_id: UUID = Field(foreign_key="api_key.id", index=True)
    digest: str = Field(max_length=64, unique=True)
    prefix: str = Field(max_length=32, index=True)
    last_four: str = Field(max_length=4)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    replaced_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    retires_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    quiet_hours: int | None = Field(default=None)
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))

    def works_at(self, now: datetime) -> bool:
        """Whether it opens the gateway as far as it goes; its key has to be live besides."""
        return self.ended_at is None and (self.retires_at is None or now < self.retires_at)

    @property
    def hint(self) -> str:
        """How pages show it, as Key.hint."""
        return f"{self.prefix}…{self.last_four}"


class KeyPolicy(SQLModel, table=True):
    """What an organisation asks of its keys. longest_days: how long a secret may live at most; None for ever."""

    __tablename__ = "key_policy"

    organisation_id: UUID = Field(foreign_key="organisation.id", primary_key=True)
    longest_days: int | None = Field(default=None)
    changed_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
