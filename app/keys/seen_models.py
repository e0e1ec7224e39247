"""Where and how keys were used: what a gateway notes beside the ledger, in batches, and nothing is billed by."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime

SECRET_LENGTH = 16
CLIENT_LENGTH = 80
ADDRESS_LENGTH = 45
"""Of what is kept: the beginning of a secret's digest, of what a client calls itself, and an address."""
VIA = " via "
"""Between what a client calls itself in MCP and its User-Agent, which names the library that carries it."""


class SecretUse(SQLModel, table=True):
    """How one secret of a key was used on one UTC day, so that it can be seen whether a replaced one is still in use.

    secret: the first characters of its digest. calls: of tools that it opened the gateway for; last_at, address,
    client: of its last use, which may have been another request.
    """

    __tablename__ = "secret_use"

    key_id: UUID = Field(primary_key=True)
    used_on: date = Field(primary_key=True)
    secret: str = Field(max_length=SECRET_LENGTH, primary_key=True)
    calls: int = Field(sa_column=Column(BigInteger, nullable=False))
    last_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    address: str = Field(max_length=ADDRESS_LENGTH)
    client: str = Field(max_length=CLIENT_LENGTH)


class KeySighting(SQLModel, table=True):
    """That a key was used from an address by a client: when first, and when last, give or take a minute.

    client: what it calls itself; "" for one that says nothing.
    """

    __tablename__ = "key_sighting"
    __table_args__ = (Index("ix_key_sighting_last_at", "last_at"),)

    key_id: UUID = Field(primary_key=True)
    address: str = Field(max_length=ADDRESS_LENGTH, primary_key=True)
    client: str = Field(max_length=CLIENT_LENGTH, primary_key=True)
    first_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    last_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
