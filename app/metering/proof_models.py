"""What makes the ledger provable: the chain over its events, the keys that sign, and answers kept for retries."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, LargeBinary, SmallInteger, Text
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime


class SigningKey(SQLModel, table=True):
    """An Ed25519 key that signs receipts and seals. public: raw, base64url; private_sealed: by core/vault.py."""

    __tablename__ = "signing_key"

    id: str = Field(max_length=30, primary_key=True)
    public: str = Field(max_length=64)
    private_sealed: str = Field(sa_column=Column(Text, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    retired_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))


class SealedEvent(SQLModel, table=True):
    """An event's place in its organisation's chain. seq: 1, 2, 3 … without gaps. hash: SHA-256 over the one before and
    the event in canonical form (app/metering/chain.py), hex.
    """

    __tablename__ = "sealed_event"
    __table_args__ = ({"sqlite_with_rowid": False},)

    organisation_id: UUID = Field(primary_key=True)
    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False, nullable=False))
    event_id: str = Field(max_length=30, unique=True)
    hash: str = Field(max_length=64)


class Seal(SQLModel, table=True):
    """A closed range of a chain, signed. head: the hash of its last event. signature: Ed25519, base64url."""

    __tablename__ = "usage_seal"
    __table_args__ = ({"sqlite_with_rowid": False},)

    organisation_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    first_seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    last_seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    head: str = Field(max_length=64)
    signing_key_id: str = Field(max_length=30)
    signature: str = Field(max_length=100)
    sealed_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class AuditLink(SQLModel, table=True):
    """An audit entry's place in the chain of all of them. hash: SHA-256 over the one before and the entry in canonical
    form (app/metering/audit_chain.py), hex. signature: Ed25519 over place and hash, base64url. form: which columns of
    the entry the hash holds; None for the first.
    """

    __tablename__ = "audit_link"
    __table_args__ = ({"sqlite_with_rowid": False},)

    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False, nullable=False))
    entry_id: UUID = Field(unique=True)
    hash: str = Field(max_length=64)
    signing_key_id: str = Field(max_length=30)
    signature: str = Field(max_length=100)
    form: int | None = Field(default=None, sa_type=SmallInteger)


class IdempotentCall(SQLModel, table=True):
    """A call that came with the caller's own idempotency key: claimed before it is made, answered once.

    digest: SHA-256 of the caller's key for it; request_digest: of what it asked. claimed_by: the gateway process.
    receipt: the id of the try that holds the claim; receipt_text: in full, once it is answered. result: the JSON of the
    answer's result without the receipt in it; empty and not is_kept when it was too large.
    """

    __tablename__ = "idempotent_call"
    __table_args__ = ({"sqlite_with_rowid": False},)

    key_id: UUID = Field(primary_key=True)
    digest: str = Field(max_length=64, primary_key=True)
    request_digest: str = Field(max_length=64)
    claimed_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    claimed_by: UUID
    receipt: str = Field(max_length=30)
    is_answered: bool = Field(default=False)
    is_kept: bool = Field(default=False)
    http_status: int = Field(default=0)
    receipt_text: str = Field(default="", sa_column=Column(Text, nullable=False))
    result: bytes = Field(default=b"", sa_column=Column(LargeBinary, nullable=False))
