"""The tenant: an organisation and who belongs to it."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime


class Organisation(SQLModel, table=True):
    """Owns keys, usage and bills. A personal one is made with each person."""

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    slug: str = Field(max_length=40, unique=True)
    name: str = Field(max_length=120)
    is_personal: bool = Field(default=False)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class Membership(SQLModel, table=True):
    """That a person belongs to an organisation, and as what: a role of roles.py."""

    organisation_id: UUID = Field(foreign_key="organisation.id", primary_key=True)
    person_id: UUID = Field(foreign_key="person.id", primary_key=True, index=True)
    role: str = Field(max_length=20)
    joined_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
