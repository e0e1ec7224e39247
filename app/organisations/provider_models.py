"""An organisation's own identity provider, and the domains that it has proven."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Column, Index, Text, UniqueConstraint, false, text
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime

_IS_PROVEN = text("proven_at IS NOT NULL")


class OwnProvider(SQLModel, table=True):
    """How members of one organisation sign in with its own OpenID provider.

    client_secret: sealed for `sso.secret:` and the id. label: what people know it by. default_role: of who comes in for
    the first time. is_required: members with a proven domain come in this way alone, owners excepted. checked_at,
    problem: when it was last asked who it is, and what was wrong then.
    """

    __tablename__ = "organisation_provider"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id", unique=True)
    issuer: str = Field(max_length=255)
    client_id: str = Field(max_length=255)
    client_secret: str = Field(sa_column=Column(Text, nullable=False))
    label: str = Field(max_length=60)
    default_role: str = Field(max_length=20)
    is_required: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    changed_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    checked_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    problem: str = Field(default="", max_length=300)


class Domain(SQLModel, table=True):
    """A domain that an organisation says is its own. Several may say so; only one has proven it.

    token: what the record has to say. checked_at: when it was last looked for. missing_since: since when a proven one
    was not found any more.
    """

    __tablename__ = "organisation_domain"
    __table_args__ = (
        UniqueConstraint("organisation_id", "name"),
        Index(
            "ix_organisation_domain_proven", "name", unique=True, sqlite_where=_IS_PROVEN, postgresql_where=_IS_PROVEN
        ),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    name: str = Field(max_length=253)
    token: str = Field(max_length=64)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    proven_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    checked_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True, index=True))
    missing_since: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))

    @property
    def record_name(self) -> str:
        """Where the record is looked for."""
        return f"_postern.{self.name}"

    @property
    def record(self) -> str:
        """What it has to say."""
        return f"postern-domain={self.token}"
