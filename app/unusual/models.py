"""Use that is out of the ordinary: what an organisation wants to be told of, what it was told, and what is known."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import JSON, Column, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime


class UseAlertSetting(SQLModel, table=True):
    """off: rules that are off. The rest: the numbers of rules.Choice. No row: rules.USUAL."""

    __tablename__ = "use_alert_setting"

    organisation_id: UUID = Field(foreign_key="organisation.id", primary_key=True)
    off: list[str] = Field(sa_column=Column(JSON, nullable=False))
    factor: int = Field()
    rate_calls: int = Field()
    error_percent: int = Field()
    error_calls: int = Field()
    silent_days: int = Field()
    changed_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class UseAlert(SQLModel, table=True):
    """Something unusual that happened once. key: names exactly that, so that it is told once.

    rule: of rules.WORDS. key_id: which key it is about; None for all calls of the organisation. place: the country or
    client that is new. about: what there is one open alert of at most, by rule. words: a sentence. began_at: of the
    hour, the sighting or the silence. ended_at, why_ended: None and "" while it is open. seen_at, seen_by_id: when and
    by whom it was marked as seen. is_told: False for what is only listed, because there was too much of it.
    """

    __tablename__ = "use_alert"
    __table_args__ = (
        UniqueConstraint("organisation_id", "key"),
        Index("ix_use_alert_organisation_id_at", "organisation_id", "at"),
        Index(
            "uq_use_alert_open",
            *("organisation_id", "rule", "about"),
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    rule: str = Field(max_length=12)
    key: str = Field(max_length=200)
    about: str = Field(default="", max_length=150)
    key_id: UUID | None = Field(default=None)
    place: str = Field(default="", max_length=80)
    words: str = Field(max_length=400)
    began_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    why_ended: str = Field(default="", max_length=80)
    seen_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    seen_by_id: UUID | None = Field(default=None)
    is_told: bool = Field(default=True)


class KnownPlace(SQLModel, table=True):
    """A client that a key was used by, or a country that it was used from: kept when sightings are forgotten.

    kind: rules.CLIENT or rules.COUNTRY. place: the client's name without its version, or the country's code.
    """

    __tablename__ = "known_place"

    key_id: UUID = Field(primary_key=True)
    kind: str = Field(max_length=12, primary_key=True)
    place: str = Field(max_length=80, primary_key=True)
    first_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
