import os
import shutil
import ssl
from contextlib import asynccontextmanager
from functools import cache, partial
from types import SimpleNamespace

import pytest
from sqlmodel import Session

from app.core import clock
from app.gateway.upstream import client
from tests import databases
from tests.asynchronous import pytest_pyfunc_call  # noqa: F401
from tests.factories import Factory
from tests.gateway import certificates, gateways, wire
from tests.gateway.upstreams import Upstream, answer, raw
from tests.waiting import PATIENCE_S


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Limits of time that are no settings give nothing up because a machine is busy; a test of one sets it."""
    for limit in (
        "auth.CATCH_UP_S",
        "caller.POUR_S",
        "health.TIMEOUT_S",
        "parts.FIRST_LOOK_S",
        "parts.STOP_S",
        "upstream.pool.IDLE_S",
    ):
        monkeypatch.setattr(f"app.gateway.{limit}", PATIENCE_S)


@cache
def _trusted(_file):
    return ssl.create_default_context()


@pytest.fixture(autouse=True)
def trusted(monkeypatch):
    """The machine's certificates are read once, which takes as long as ten calls, and once for each other file."""
    once = SimpleNamespace(create_default_context=lambda: _trusted(os.environ.get("SSL_CERT_FILE")))
    monkeypatch.setattr(client, "ssl", once)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    return certificates.make(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def sqlite_engine(sqlite_template, tmp_path):
    """For tests of what does not depend on the database."""
    path = tmp_path / "gateway.db"
    shutil.copy(sqlite_template, path)
    engine = databases.quick(f"sqlite:///{path}")
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


@pytest.fixture
def open_server(open_sqlite_gateway):
    """`async with open_server(script) as (caller, upstream, port)`: all the way over sockets."""

    @asynccontextmanager
    async def open_(script=None, *, limits=None, **settings):
        async with (
            Upstream(script or raw(answer(wire.RESULT_BODY))) as upstream,
            open_sqlite_gateway(upstream_url=upstream.url, **settings) as caller,
            wire.serving(caller.gateway, limits) as (_, port),
        ):
            yield caller, upstream, port

    return open_


@pytest.fixture
def hands(monkeypatch):
    """The clocks by which keys expire, in the test's hands: {"wall": seconds since 1970, "steady": seconds}."""
    hands = {"wall": clock.now().timestamp(), "steady": 100.0}
    made = clock.Onward.__init__

    def held(self):
        made(self, wall=lambda: hands["wall"], steady=lambda: hands["steady"])

    monkeypatch.setattr(clock.Onward, "__init__", held)
    return hands
