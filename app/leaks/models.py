"""Leaked keys: what an organisation wants done, what was found and done, and whose reports are believed."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import JSON, CheckConstraint, Column, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime

REVOKE, QUARANTINE, NOTIFY = "revoke", "quarantine", "notify"
"""What an organisation can want done with a live key that leaked. The first holds where nobody has chosen."""

REVOKED, DISABLED, ENDED, TOLD, TEST, DEAD = "revoked", "disabled", "ended", "told", "test", "dead"
"""What was done. ENDED: a former secret of a rotated key, which is all that leaked. TEST and DEAD (it opened nothing
already) are only written down.
"""

GITHUB, FORM, DRILL = "github", "form", "drill"
"""Who reports."""


class LeakPolicy(SQLModel, table=True):
    """What an organisation has chosen; without a row, REVOKE."""

    __tablename__ = "leak_policy"

    organisation_id: UUID = Field(foreign_key="organisation.id", primary_key=True)
    act: str = Field(max_length=12)
    chosen_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class LeakFind(SQLModel, table=True):
    """A key that was found where it should not be: one for the gateway, or an admin key.

    hint: how lists show the secret that was found. source: of app/leaks/reports.py. url: as it was reported, without
    secrets; may be anything or "". place: a digest of reporter, source and url, so that the same find is one row.
    is_alarm: whether people are to be told; told_at: when that was written.
    """

    __tablename__ = "leak_find"
    __table_args__ = (
        UniqueConstraint("key_id", "place"),
        UniqueConstraint("admin_key_id", "place"),
        CheckConstraint("(key_id IS NULL) <> (admin_key_id IS NULL)", name="of_one_key"),
        Index("ix_leak_find_organisation_id_found_at", "organisation_id", "found_at"),
        Index("ix_leak_find_is_alarm_told_at", "is_alarm", "told_at"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    key_id: UUID | None = Field(default=None, foreign_key="api_key.id")
    admin_key_id: UUID | None = Field(default=None, foreign_key="admin_key.id")
    hint: str = Field(max_length=40)
    source: str = Field(max_length=40)
    url: str = Field(max_length=2048)
    place: str = Field(max_length=64)
    reporter: str = Field(max_length=12)
    did: str = Field(default="", max_length=12)
    is_alarm: bool = Field(default=False)
    found_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    told_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))


class LeakUnknown(SQLModel, table=True):
    """How many keys were reported that are none of ours. Nothing else of them is kept."""

    __tablename__ = "leak_unknown"

    source: str = Field(max_length=40, primary_key=True)
    count: int
    last_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class LeakSigner(SQLModel, table=True):
    """A public key of GitHub's, by which it signs what it reports. pem: ECDSA on P-256."""

    __tablename__ = "leak_signer"

    id: str = Field(max_length=128, primary_key=True)
    pem: str = Field(sa_column=Column(Text, nullable=False))


class LeakSignerList(SQLModel, table=True):
    """One row, id 1: the list that they come from. fetched_at: when it was last known to be as it is here."""

    __tablename__ = "leak_signer_list"

    id: int = Field(default=1, primary_key=True)
    url: str = Field(max_length=2048)
    etag: str = Field(default="", max_length=200)
    tried_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    fetched_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))


class LeakDrill(SQLModel, table=True):
    """A drill: who had it, and how it went. steps: [{"words", "us" or null, "is_done"}] in order, [] while it is
    under way. dead_us: from the report to the first refusal at the gateway; None when that was not seen.
    """

    __tablename__ = "leak_drill"
    __table_args__ = (Index("ix_leak_drill_organisation_id_at", "organisation_id", "at"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    person_id: UUID | None = Field(default=None)
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    act: str = Field(max_length=12)
    steps: list[dict[str, object]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    dead_us: int | None = Field(default=None)
