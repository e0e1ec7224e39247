"""T23 and its like with gateways as they run in production: three processes on one database."""

import asyncio
import json
import os
import signal

import pytest
from sqlalchemy import select
from sqlmodel import Session

from app.core import clock
from app.limits import queries, services, wording
from app.limits.leases import PROCESSES
from app.limits.services import Selection
from app.limits.settling import COUNTERS, LEASES
from app.metering.models import UsageEvent
from tests.gateway.gateways import RESULT
from tests.gateway.processes import Connection, call, gateway_process
from tests.gateway.upstreams import Upstream, answer, raw, silence
from tests.waiting import eventually

OK = raw(answer(json.dumps(RESULT).encode()))


@pytest.fixture
def capped(database_url, engine, session, make):
    """A key whose organisation may make 100 calls a month; give the secret and a way to add the integration."""

    def prepare(upstream_url, quantity="100/month"):
        secrets = []
        key = make.key(secret=secrets)
        make.integration("sampler", upstream_url=upstream_url)
        period, most = wording.parse("calls", quantity, currency="usd")
        services.set_limit(
            session,
            selection=Selection(key=key),
            measure="calls",
            period=period,
            most=most,
            now=clock.now(),
        )
        session.commit()
        return secrets[0]

    return prepare


def settled(engine):
    """The one counter, once no call is under way anywhere."""

    def look():
        with engine.connect() as connection:
            [counted] = queries.recount(connection)
        return counted if counted.agrees and counted.reserved == 0 else None

    return eventually(look)


async def passes(gateway, secret):
    return "result" in (await call(gateway, secret)).json


async def test_two_hundred_calls_at_once_on_three_processes_pass_exactly_a_hundred_times(
    database_url, engine, tmp_path, capped
):
    async with Upstream(OK) as upstream:
        secret = capped(upstream.url)
        with (
            gateway_process(database_url, tmp_path) as one,
            gateway_process(database_url, tmp_path) as two,
            gateway_process(database_url, tmp_path) as three,
        ):
            gateways = [one, two, three]
            passed = await asyncio.gather(*[passes(gateways[number % 3], secret) for number in range(200)])

            assert sum(passed) == 100
            assert len(upstream.requests) == 100
            assert not await passes(two, secret)
            counted = settled(engine)
    assert (counted.spent, counted.reserved) == (100, 0)
    with Session(engine) as session:
        assert sum(event.units for event in session.scalars(select(UsageEvent))) == 100


async def test_what_a_killed_gateway_held_is_given_back(database_url, engine, tmp_path, capped):
    async with Upstream(silence) as upstream:
        secret = capped(upstream.url, "3/month")
        hurried = {"heartbeat_s": 0.2, "dead_after_s": 5}
        with (
            gateway_process(database_url, tmp_path, **hurried) as dying,
            gateway_process(database_url, tmp_path, **hurried) as living,
        ):
            connections = [Connection(dying.port, secret) for _ in range(3)]
            hanging = [asyncio.create_task(connection.call()) for connection in connections]
            while len(upstream.requests) < 3:
                await asyncio.sleep(0.01)
            assert not await passes(living, secret)

            dying.kill()
            await asyncio.gather(*hanging, return_exceptions=True)
            for connection in connections:
                await connection.close()
            upstream.script = OK

            while not await passes(living, secret):
                await asyncio.sleep(0.1)
            assert [await passes(living, secret) for _ in range(3)] == [True, True, False]
            assert settled(engine).spent == 3


async def test_a_gateway_that_was_frozen_does_not_use_what_others_have_got(database_url, engine, tmp_path, capped):
    async with Upstream(silence) as upstream:
        secret = capped(upstream.url, "2/month")
        hurried = {"heartbeat_s": 0.2, "dead_after_s": 5}
        with (
            gateway_process(database_url, tmp_path, **hurried) as frozen,
            gateway_process(database_url, tmp_path, **hurried) as living,
        ):
            connection = Connection(frozen.port, secret)
            hanging = asyncio.create_task(connection.call())
            while not upstream.requests:
                await asyncio.sleep(0.01)
            os.kill(frozen.process.pid, signal.SIGSTOP)
            upstream.script = OK
            while not await passes(living, secret):
                await asyncio.sleep(0.1)
            while not await passes(living, secret):
                await asyncio.sleep(0.1)

            os.kill(frozen.process.pid, signal.SIGCONT)

            assert not await passes(frozen, secret)
            hanging.cancel()
            await asyncio.gather(hanging, return_exceptions=True)
            await connection.close()
            assert settled(engine).spent == 2


async def test_a_gateway_that_ends_gives_everything_back(database_url, engine, tmp_path, capped):
    async with Upstream(OK) as upstream:
        secret = capped(upstream.url, "100000/month")
        with gateway_process(database_url, tmp_path) as gateway:
            assert [await passes(gateway, secret) for _ in range(3)] == [True] * 3
            with engine.connect() as connection:
                assert connection.execute(select(LEASES.c.held)).scalar_one() > 0  # ahead of need: far from the limit
            gateway.terminate()
            await asyncio.to_thread(gateway.process.wait)
    assert _nobody_holds_anything(engine)
    with engine.connect() as connection:
        assert connection.execute(select(COUNTERS.c.spent, COUNTERS.c.reserved)).one() == (3, 0)


def _nobody_holds_anything(engine):
    with engine.connect() as connection:
        held = sum(connection.execute(select(LEASES.c.held)).scalars())
        reserved = sum(connection.execute(select(COUNTERS.c.reserved)).scalars())
        return held == reserved == 0 and not connection.execute(select(PROCESSES)).all()
