"""Fixtures that every test may use: a fresh database on each engine, and one moment that is now."""

import os
import shutil
from datetime import UTC, datetime

import pytest
from sqlmodel import Session

from app.core import db
from tests import databases
from tests.factories import Factory

pytest_plugins = ["tests.portal"]

NOW = datetime(2026, 11, 22, 14, 3, 22, tzinfo=UTC)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Keep a module's tests in one process, and all that use the browser and its running stack in one."""
    for item in items:
        module = item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group("browser" if "/browser/" in module else module))


@pytest.fixture
def now():
    return NOW


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    return databases.sqlite_template(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgres_url():
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    with databases.postgres_database(f"postern_test_{worker}_{os.getpid()}") as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path):
    """The URL of a migrated, empty database; each test that asks runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path / "postern.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        return f"sqlite:///{path}"
    url = request.getfixturevalue("postgres_url")
    databases.empty(url)
    return url


@pytest.fixture
def engine(database_url):
    engine = db.create(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine):
    with Session(engine, expire_on_commit=False) as session:
        yield session


@pytest.fixture
def make(session):
    """Makes valid things in one line: `make.key(revoked_at=now)`; see tests/factories.py."""
    return Factory(session, NOW)
