"""People, the identities they sign in with, and their browser sessions."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import JSON, Column, UniqueConstraint
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime

THROUGH = "through"
"""Where the browser's session keeps the organisation's own provider that it began with. Such a session opens that
organisation and nothing else: neither operators' pages nor other ways into the account (docs/adr/0024).
"""


class Person(SQLModel, table=True):
    """Somebody who signed in at least once. The e-mail address is for show and mail; it never identifies anyone."""

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    name: str = Field(max_length=120)
    email: str | None = Field(default=None, max_length=254)
    is_operator: bool = Field(default=False)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class Identity(SQLModel, table=True):
    """An account at a provider: (issuer, subject) is what a person is known by."""

    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    person_id: UUID = Field(foreign_key="person.id", index=True)
    provider: str = Field(max_length=31)
    issuer: str = Field(max_length=255)
    subject: str = Field(max_length=255)
    label: str = Field(max_length=254)
    linked_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    last_used_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class BrowserSession(SQLModel, table=True):
    """One browser that came by. The cookie holds a random token; this row is found by the token's SHA-256.

    A row without person_id carries a sign-in under way; `data` is Flask's session.
    """

    __tablename__ = "browser_session"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    token_digest: str = Field(max_length=64, unique=True)
    person_id: UUID | None = Field(default=None, foreign_key="person.id", index=True)
    data: dict[str, object] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    user_agent: str = Field(default="", max_length=200)
    address: str = Field(default="", max_length=45)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    last_seen_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))


class SignInTry(SQLModel, table=True):
    """How often an address began or finished signing in within one window of time; kept only for that long.

    address_digest: a keyed digest; the address itself is not kept here.
    """

    __tablename__ = "sign_in_try"

    address_digest: str = Field(max_length=64, primary_key=True)
    window_at: datetime = Field(sa_column=Column(UtcDateTime, primary_key=True, nullable=False, index=True))
    tries: int
