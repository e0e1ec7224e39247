"""The database: engines for SQLite and PostgreSQL, and the column type for moments.

SQLite runs in WAL with synchronous=FULL: a commit that was acknowledged survives a power cut
(https://www.sqlite.org/pragma.html#pragma_synchronous). Everything else is plain SQLAlchemy.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from sqlalchemy import CursorResult, DateTime, Delete, Dialect, Engine, MetaData, Update, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator
from sqlmodel import SQLModel

BUSY_TIMEOUT_MS = 5_000
CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_MS = 15_000
IDLE_MS = 60_000

metadata: MetaData = SQLModel.metadata
# Named constraints: SQLite can only drop what has a name (https://alembic.sqlalchemy.org/en/latest/naming.html).
metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: aware UTC on the Python side on every database (SQLite drops zones).

    Raises ValueError when a naive datetime is written or compared.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A moment needs a time zone; use core.clock.now().")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def create(url: str, *, pool_size: int = 10, idle_ms: int = IDLE_MS) -> Engine:
    """An engine for `url`, with the pragmas and timeouts that Postern relies on.

    url: sqlite:///path or postgresql://… (psycopg 3). The SQLite file's folder is made if it is missing. idle_ms: after
    so long without a word in the middle of a transaction PostgreSQL undoes it, so that a process which stands still
    does not keep others waiting for its locks.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed, pool_size=pool_size, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
        event.listen(engine, "connect", _set_pragmas)
        return engine
    parsed = parsed.set(drivername="postgresql+psycopg")
    options = f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout=5000 -c timezone=UTC"
    options += f" -c idle_in_transaction_session_timeout={idle_ms}"
    arguments: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT_S, "options": options}
    return create_engine(parsed, pool_size=pool_size, max_overflow=0, pool_pre_ping=True, connect_args=arguments)


def changed_rows(session: Session, statement: Update | Delete) -> int:
    """Carry out an UPDATE or DELETE; gives how many rows it met."""
    return int(cast(CursorResult[Any], session.execute(statement)).rowcount)


def missing_file(url: str) -> str | None:
    """The SQLite file that `url` names, if it is not there; None if it is, and for other databases."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database or Path(parsed.database).exists():
        return None
    return parsed.database


def without_password(url: str) -> str:
    """`url` as it may be shown."""
    return make_url(url).render_as_string(hide_password=True)


def _set_pragmas(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.execute("PRAGMA recursive_triggers=ON")  # so that REPLACE cannot delete what triggers guard
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.close()
