import shutil
from functools import partial

import pytest
from sqlmodel import Session

from app.core import db
from tests.asynchronous import pytest_pyfunc_call  # noqa: F401
from tests.factories import Factory
from tests.gateway import certificates, gateways
from tests.waiting import PATIENCE_S


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Limits of time that are no settings give nothing up because a machine is busy; a test of one sets it."""
    for limit in (
        "auth.CATCH_UP_S",
        "app.CATCH_UP_S",
        "caller.POUR_S",
        "health.TIMEOUT_S",
        "parts.FIRST_LOOK_S",
        "parts.STOP_S",
        "server.HEAD_S",
        "upstream.pool.IDLE_S",
    ):
        monkeypatch.setattr(f"app.gateway.{limit}", PATIENCE_S)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    return certificates.make(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def sqlite_engine(sqlite_template, tmp_path):
    """For tests of what does not depend on the database."""
    path = tmp_path / "gateway.db"
    shutil.copy(sqlite_template, path)
    engine = db.create(f"sqlite:///{path}")
    yield engine
    engine.dispose()


@pytest.fixture
def open_sqlite_gateway(sqlite_engine, now):
    """`async with open_sqlite_gateway(upstream_url=…) as caller`: see gateways.open_gateway."""
    with Session(sqlite_engine, expire_on_commit=False) as session:
        yield partial(gateways.open_gateway, sqlite_engine, session, Factory(session, now))


@pytest.fixture
def open_gateway(engine, session, make):
    """The same on each database."""
    return partial(gateways.open_gateway, engine, session, make)
