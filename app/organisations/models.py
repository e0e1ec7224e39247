"""The tenant: an organisation and who belongs to it."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Column, false
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime

SUSPENDED = "suspended"
DELETING = "deleting"
"""Why none of an organisation's keys opens the gateway: an operator stopped it, or it is about to be deleted."""


class Organisation(SQLModel, table=True):
    """Owns keys, usage and bills. A personal one is made with each person.

    requires_sso: as its provider says (provider_models.py), here so that most pages need not ask.

    stopped_at: since when none of its keys opens the gateway; None while they do. stopped_why: SUSPENDED or DELETING.
    stopped_words: what its members read about it.
    billing_email: where bills are to go once it first pays; from then on its customer at Stripe knows. closes_at: when
    it will be deleted, or was; from when that was asked for on, none of its keys opens the gateway. deleted_at: when
    the worker has carried it out; nobody belongs to it any more, and what is left is what has to be kept.
    """

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    slug: str = Field(max_length=40, unique=True)
    name: str = Field(max_length=120)
    is_personal: bool = Field(default=False)
    billing_email: str = Field(default="", max_length=254, sa_column_kwargs={"server_default": ""})
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    stopped_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    stopped_why: str = Field(default="", max_length=12, sa_column_kwargs={"server_default": ""})
    stopped_words: str = Field(default="", max_length=500, sa_column_kwargs={"server_default": ""})
    requires_sso: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    closes_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True, index=True))
    deleted_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))


class FormerSlug(SQLModel, table=True):
    """A slug that an organisation once had: it still means that organisation, and nobody else's ever."""

    __tablename__ = "former_slug"

    slug: str = Field(max_length=40, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id", index=True)
    until_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class Membership(SQLModel, table=True):
    """That a person belongs to an organisation, and as what: a role of roles.py. last_seen_at: when they last looked at
    a page of it, to the hour.
    """

    organisation_id: UUID = Field(foreign_key="organisation.id", primary_key=True)
    person_id: UUID = Field(foreign_key="person.id", primary_key=True, index=True)
    role: str = Field(max_length=20)
    joined_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    last_seen_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
