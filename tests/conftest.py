"""Fixtures that every test may use: a fresh database on each engine, and one moment that is now."""

import gc
import os
import shutil
from datetime import UTC, datetime

import pytest
from sqlalchemy import event
from sqlmodel import Session
from xdist.scheduler import LoadScopeScheduling

import tests.properties  # noqa: F401
from app.core.audit import AuditEntry
from app.core.audit_sentences import SENTENCES
from tests import databases
from tests.factories import Factory

pytest_plugins = ["tests.portal"]

BROWSER = "/browser/"
LONG = (BROWSER, "/soak/", "/clients/", "/conformance/", "/sandbox/", "_processes.py", "/gateway/test_")
"""Where modules are that take long, mostly because they start processes; the longest first."""
gc.set_threshold(10_000)  # a seventh of all time went into walking over what stays for good
NOW = datetime(2026, 11, 22, 14, 3, 22, tzinfo=UTC)


@event.listens_for(AuditEntry, "before_insert")
def _has_a_sentence(_mapper, _connection, entry):
    """Whatever a test makes the code write into the audit trail can be read."""
    assert entry.action in SENTENCES, f"“{entry.action}” has no sentence in app/core/audit_sentences.py"


class ByModule(LoadScopeScheduling):
    """Keeps a module's tests in one process, and all that use the browser and its running stack in one.

    Ours, because pytest-xdist 3.8's own groups (`--dist loadgroup`) have no effect with pytest 9.2: they are told by a
    name that it no longer reads, and without them each process would start every server of the tests, the stack too.
    """

    def _split_scope(self, nodeid):
        module = nodeid.partition("::")[0]
        return BROWSER if BROWSER in module else module


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    config.option.loadscopereorder = False  # but in the order below
    return ByModule(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """Two more than there are cores: tests spend part of their time waiting for processes that they started."""
    return None if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ else (os.cpu_count() or 1) + 2


def pytest_addoption(parser):
    parser.addoption("--everywhere", action="store_true", help="run the tests of pages on PostgreSQL, too")


def pytest_collection_modifyitems(config, items):
    """What takes longest comes first, so that no process waits for the other at the end."""
    if not config.getoption("everywhere"):
        items[:] = [item for item in items if _is_wanted(item)]
    items.sort(key=lambda item: next((place for place, part in enumerate(LONG) if part in item.nodeid), len(LONG)))


def pytest_collection_finish():
    gc.collect()
    gc.freeze()


def _is_wanted(item):
    """Whether the test is to run on this database: see the marker “databases”."""
    database = item.callspec.params.get("database_url") if hasattr(item, "callspec") else None
    if any("database_url" in marker.args[0] for marker in item.iter_markers("parametrize")):
        return True
    marker = item.get_closest_marker("databases")
    usual = ("sqlite",) if "app" in item.fixturenames else ("sqlite", "postgresql")
    return database is None or database in (marker.args if marker else usual)


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
    """The URL of a migrated, empty database; each test that asks runs once on SQLite and once on PostgreSQL, unless it
    is of pages (asks for `app`) or is marked “databases”: docs/testing.md.
    """
    if request.param == "sqlite":
        path = tmp_path / "postern.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        return f"sqlite:///{path}"
    url = request.getfixturevalue("postgres_url")
    databases.empty(url)
    return url


@pytest.fixture
def engine(database_url):
    engine = databases.quick(database_url)
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
