"""The tenant: an organisation and who belongs to it."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime

SUSPENDED = "suspended"
DELETING = "deleting"
"""Why none of an organisation's keys opens the gateway: an operator stopped it, or it is about to be deleted."""


class Organisation(SQLModel, table=True):
    """Owns keys, usage and bills. A personal one is made with each person.

    stopped_at: since when none of its keys opens the gateway; None while they do. stopped_why: SUSPENDED or DELETING.
    stopped_words: what its members read about it.
    """

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    slug: str = Field(max_length=40, unique=True)
    name: str = Field(max_length=120)
    is_personal: bool = Field(default=False)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    stopped_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    stopped_why: str = Field(default="", max_length=12, sa_column_kwargs={"server_default": ""})
    stopped_words: str = Field(default="", max_length=500, sa_column_kwargs={"server_default": ""})


class Membership(SQLModel, table=True):
    """That a person belongs to an organisation, and as what: a role of roles.py."""

    organisation_id: UUID = Field(foreign_key="organisation.id", primary_key=True)
    person_id: UUID = Field(foreign_key="person.id", primary_key=True, index=True)
    role: str = Field(max_length=20)
    joined_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
