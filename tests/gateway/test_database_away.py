"""The database goes away and comes back: calls go on, none is lost or given away; revocations are feared in time."""

import asyncio
import json
from contextlib import contextmanager
from math import inf

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url
from sqlmodel import Session

from app.core import db
from app.metering import recorder
from tests import databases
from tests.asynchronous import until
from tests.factories import Factory
from tests.gateway import gateways
from tests.gateway.gateways import LIST, RESULT
from tests.gateway.upstreams import Upstream, answer, raw
from tests.waiting import PATIENCE_S

OK = raw(answer(json.dumps(RESULT).encode()))


class Server:
    """The PostgreSQL server as its operator sees it."""

    def __init__(self, url):
        self._name = make_url(url).database
        self._address = make_url(url).set(database="postgres").render_as_string(hide_password=False)

    def drop_connections(self):
        self._execute(
            sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}").format(self._name)
        )

    @contextmanager
    def closed(self):
        self._allow("false")
        self.drop_connections()
        try:
            yield
        finally:
            self._allow("true")

    def _allow(self, whether):
        statement = sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {}")
        self._execute(statement.format(sql.Identifier(self._name), sql.SQL(whether)))

    def _execute(self, statement):
        with psycopg.connect(self._address, autocommit=True) as connection:
            connection.execute(statement)


@pytest.fixture
def postgres(postgres_url):
    databases.empty(postgres_url)
    return Server(postgres_url)


@pytest.fixture
def open_postgres_gateway(postgres_url, postgres, now):
    engine = db.create(postgres_url)
    with Session(engine, expire_on_commit=False) as session:
        yield lambda **settings: gateways.open_gateway(engine, session, Factory(session, now), **settings)
    engine.dispose()


async def test_calls_go_on_while_it_is_away_and_none_is_lost(open_postgres_gateway, postgres):
    async with Upstream(OK) as upstream, open_postgres_gateway(upstream_url=upstream.url) as caller:
        assert "result" in (await caller.call()).json
        with postgres.closed():
            free, *paid = await asyncio.gather(caller.call(LIST), *[caller.call() for _ in range(10)])
            assert free.status == 200
            assert all("result" in got.json and "." in got.header("postern-receipt") for got in paid)
            ready = await caller.call(method="GET", path="/readyz", headers=[])
            assert (ready.status, ready.json["checks"]["policy"]) == (200, "")
            assert "wait" in ready.json["notes"]["database"]
            assert "in 1 file(s), the oldest for" in ready.json["notes"]["ledger"]
            registry = caller.gateway.parts.metrics.registry
            assert registry.get_sample_value("postern_spool_files") == 1
            assert registry.get_sample_value("postern_spool_bytes") == caller.gateway.parts.recorder.waiting_bytes

        writing = caller.gateway.parts.recorder
        await until(lambda: not writing.waiting_bytes)
        assert "result" in (await caller.call()).json
        events = caller.events
        assert {got.receipt for got in paid} <= {event.id for event in events}
        assert [event.units for event in events] == [1] * 12
        assert sum(hour.calls for hour in caller.hours) == sum(hour.units for hour in caller.hours) == 12


async def test_revocations_that_could_not_be_heard_of_are_feared_after_a_while(open_postgres_gateway, postgres):
    async with Upstream(OK) as upstream, open_postgres_gateway(upstream_url=upstream.url) as caller:
        with postgres.closed():
            await caller.policy_gets_old()
            assert (await caller.call(LIST)).status == 503
            assert (await caller.call()).status == 503
            ready = await caller.call(method="GET", path="/readyz", headers=[])
            assert (ready.status, bool(ready.json["checks"]["policy"])) == (503, True)

        async with asyncio.timeout(PATIENCE_S):
            while "result" not in (await caller.call()).json:
                await asyncio.sleep(0.05)


async def test_calls_are_refused_once_nothing_more_can_wait(open_postgres_gateway, postgres, monkeypatch):
    async with (
        Upstream(OK) as upstream,
        open_postgres_gateway(upstream_url=upstream.url, spool_max_bytes=0) as caller,
    ):
        with postgres.closed(), monkeypatch.context() as while_away:
            while_away.setattr(caller.gateway.parts.recorder, "_timeout_s", 0.5)
            while_away.setattr(recorder, "TROUBLED_AFTER_S", 0.0)
            while_away.setattr(recorder, "TROUBLED_FOR_S", inf)
            assert (await caller.call()).error["code"] == -31503
            await until(lambda: caller.gateway.parts.recorder.is_troubled)
            asked = len(upstream.requests)
            assert (await caller.call()).error["code"] == -31503
            assert len(upstream.requests) == asked
            async with asyncio.timeout(PATIENCE_S):
                while (await caller.call(method="GET", path="/readyz", headers=[])).status != 503:
                    await asyncio.sleep(0.05)

        async with asyncio.timeout(PATIENCE_S):
            while "result" not in (await caller.call()).json:
                await asyncio.sleep(0.05)
        assert [event.units for event in caller.events] == [1]


async def test_calls_go_on_while_somebody_else_keeps_sqlite_locked(open_sqlite_gateway, sqlite_engine):
    async with Upstream(OK) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        writing = caller.gateway.parts.recorder
        await caller.call()
        with sqlite_engine.connect() as other:
            other.exec_driver_sql("BEGIN IMMEDIATE")
            answers = await asyncio.gather(*[caller.call() for _ in range(5)])
            assert all("result" in got.json for got in answers)
            assert writing.waiting_bytes
            other.rollback()
        await until(lambda: not writing.waiting_bytes)

        assert sorted(event.id for event in caller.events)[1:] == sorted(got.receipt for got in answers)


async def test_connections_dropped_under_load_lose_and_double_nothing(open_postgres_gateway, postgres):
    answered = []

    async def keep_calling(caller, stop):
        while not stop.is_set():
            got = await caller.call()
            if "result" in got.json:
                answered.append(got.receipt)

    async with Upstream(OK) as upstream, open_postgres_gateway(upstream_url=upstream.url) as caller:
        stop = asyncio.Event()
        callers = [asyncio.create_task(keep_calling(caller, stop)) for _ in range(16)]
        for round_ in range(1, 6):
            await until(lambda round_=round_: len(answered) > 50 * round_)
            await asyncio.to_thread(postgres.drop_connections)
        stop.set()
        await asyncio.gather(*callers)
        await until(lambda: not caller.gateway.parts.recorder.waiting_bytes)

        events = caller.events
        assert {event.id for event in events} >= set(answered)
        assert sum(event.units for event in events) == len(answered)
        assert sum(hour.calls for hour in caller.hours) == len(events)
        assert sum(hour.units for hour in caller.hours) == len(answered)
