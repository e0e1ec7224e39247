"""The change feed: what a gateway must hear of within a second (keys, integrations), in order and without gaps.

Each change takes the next version from a one-row table. The row lock is held until the commit, so versions become
visible in order: whoever has read up to version n has missed nothing (docs/adr/0005).
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, delete, update
from sqlmodel import Field, Session, SQLModel, col, select

from app.core import db
from app.core.db import UtcDateTime, changed_rows


class ChangeVersion(SQLModel, table=True):
    """One row, id 1: the newest version handed out."""

    __tablename__ = "change_version"

    id: int = Field(primary_key=True)
    version: int


class Change(SQLModel, table=True):
    """Something that gateways keep in memory has changed: `kind` is "key" or "integration"."""

    version: int = Field(primary_key=True)
    kind: str = Field(max_length=20)
    subject_id: UUID
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


_VERSION = db.metadata.tables[ChangeVersion.__tablename__]
_NEXT = update(_VERSION).values(version=_VERSION.c.version + 1).returning(_VERSION.c.version)


def record(session: Session, *, kind: str, subject_id: UUID, now: datetime) -> None:
    """Tell every gateway that `subject_id` changed, when the caller's transaction commits."""
    version = session.execute(_NEXT).scalar_one()
    session.add(Change(version=version, kind=kind, subject_id=subject_id, at=now))
    session.flush()


def newest(session: Session) -> int:
    """The version of the latest committed change; 0 before the first."""
    return session.exec(select(ChangeVersion.version)).one()


def since(session: Session, version: int, *, limit: int = 1000) -> list[Change]:
    """Changes after `version`, oldest first, at most `limit`."""
    return list(
        session.exec(select(Change).where(col(Change.version) > version).order_by(col(Change.version)).limit(limit))
    )


def forget(session: Session, *, before: datetime) -> int:
    """Delete changes older than `before`; gives how many. The version that was handed out last is kept elsewhere."""
    return changed_rows(session, delete(Change).where(col(Change.at) < before))
