"""The databases that tests run on: a SQLite file per test, and one PostgreSQL database per test process.

The PostgreSQL server is the one that POSTERN_TEST_POSTGRES_URL names, else one found on loopback, else one that is
started here from the pgserver package.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Dialect, Engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.util import LRUCache

from app import schema
from app.core import db, migrate
from app.core import revision as revisions
from tests.waiting import PATIENCE_S, eventually

_cleaners: dict[str, psycopg.Connection] = {}
_dialects: dict[str, Dialect] = {}
_compiled = LRUCache(2_000)

on_both = pytest.mark.databases("sqlite", "postgresql")
on_one = pytest.mark.databases("sqlite")
"""Where a test runs, if not where its kind does: docs/testing.md. Both stand above one test or as `pytestmark`."""

ON_LOOPBACK = "postgresql://postgres@127.0.0.1:5432/postgres"


def sqlite_template(folder: Path) -> Path:
    """A migrated, empty SQLite file to copy from."""
    path = folder / "template.db"
    engine = db.create(f"sqlite:///{path}")
    migrate.upgrade(engine)
    with engine.connect() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    engine.dispose()
    return path


def quick(url: str) -> Engine:
    """An engine as Postern makes it, but quicker.

    It knows the statements that engines before it have compiled, which takes a third of most tests' time; and SQLite
    does not wait for the disk, because no test cuts the power.
    """
    engine = db.create(url)
    engine.dialect = _known(url)
    engine.update_execution_options(compiled_cache=_compiled)
    if engine.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF").close())
    return engine


def _known(url: str) -> Dialect:
    """The one dialect of all engines for databases of one kind, which has met its database.

    Statements are remembered for the dialect that they were compiled for.
    """
    kind = make_url(url).get_backend_name()
    if kind not in _dialects:
        engine = db.create(url)
        engine.connect().close()
        _dialects[kind] = engine.dialect
        engine.dispose()
    return _dialects[kind]


@contextmanager
def postgres_database(name: str) -> Iterator[str]:
    """The URL of a migrated database called `name`, dropped again afterwards."""
    with _server() as server, empty_postgres_database(server, name) as url:
        engine = db.create(url)
        migrate.upgrade(engine)
        engine.dispose()
        with psycopg.connect(url, autocommit=True) as connection:  # no test cuts the power
            connection.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(name)))
        yield url


@contextmanager
def empty_postgres_database(server: str, name: str) -> Iterator[str]:
    """The URL of a database without tables on `server`, dropped again afterwards."""
    identifier = sql.Identifier(name)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(identifier))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(identifier))
    url = make_url(server).set(database=name).render_as_string(hide_password=False)
    try:
        yield url
    finally:
        if url in _cleaners:
            _cleaners.pop(url).close()
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(identifier))


def empty(url: str) -> None:
    """Delete every row that tests wrote, leaving the schema as migrated. Looks first: most tables are empty already."""
    connection = cleaner(url)
    tables = written(url)
    if tables:
        connection.execute("; ".join(f'DELETE FROM "{name}"' for name in tables))
    connection.execute("INSERT INTO change_version (id, version) VALUES (1, 0)")


def written(url: str) -> list[str]:
    """The tables that have rows."""
    return [name for (name,) in cleaner(url).execute(_which_are_written()).fetchall()]


def cleaner(url: str) -> psycopg.Connection:
    """A connection that no trigger stops; kept, because a new one takes as long as all that is done with it."""
    connection = _cleaners.get(url)
    if connection is None or connection.closed or not _is_alive(connection):
        connection = _cleaners[url] = psycopg.connect(url, autocommit=True, prepare_threshold=None)
        connection.execute("SET session_replication_role = replica")  # so that no trigger guards the ledger
    return connection


def _is_alive(connection: psycopg.Connection) -> bool:
    try:
        connection.execute("SELECT 1")
    except psycopg.OperationalError:
        connection.close()
        return False
    return True


@contextmanager
def at_revision(engine: Engine, revision: str) -> Iterator[None]:
    """The database says that its shape is `revision`, until this is left: other tests use it afterwards."""
    said = text("UPDATE alembic_version SET version_num = :revision")
    with engine.begin() as connection:
        connection.execute(said, {"revision": revision})
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.execute(said, {"revision": revisions.expected()})


@cache
def _which_are_written() -> str:
    tables = [table.name for table in schema.metadata().sorted_tables]
    return " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM \"{name}\")" for name in tables)


@contextmanager
def _server() -> Iterator[str]:
    given = os.environ.get("POSTERN_TEST_POSTGRES_URL")
    if given:
        yield given
    elif _answers(ON_LOOPBACK):
        yield ON_LOOPBACK
    else:
        import pgserver

        folder = tempfile.mkdtemp(prefix="postern-postgres-")
        # Again and again, because it gives its server no more than ten seconds to start.
        server = eventually(lambda: pgserver.get_server(folder, cleanup_mode="delete"), every_s=1)
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
            shutil.rmtree(folder, ignore_errors=True)


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=PATIENCE_S).close()
    except psycopg.OperationalError:
        return False
    return True
