"""Databases that soaks may do violence to: a SQLite file, and a PostgreSQL server of its own."""

import shutil

import pytest

from app.core import db, migrate
from tests.asynchronous import pytest_pyfunc_call  # noqa: F401
from tests.soak import postgres


@pytest.fixture
def sqlite_url(sqlite_template, tmp_path):
    path = tmp_path / "postern.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def own_postgres():
    """A migrated server that nobody else uses."""
    programs = postgres.programs()
    if programs is None:
        pytest.skip("No PostgreSQL programs were found that could be run here, so no server can be killed.")
    with postgres.postgres_server(programs) as server:
        engine = db.create(server.url)
        migrate.upgrade(engine)
        engine.dispose()
        yield server
