"""T23 and its like with gateways as they run in production: three processes on one database."""

import asyncio
import json
import os
import signal
from uuid import uuid4

import pytest
from sqlalchemy import delete, select
from sqlmodel import Session

from app.core import clock
from app.limits import queries, services, wording
from app.limits.leases import PROCESSES
from app.limits.services import Selection
from app.limits.settling import COUNTERS, LEASES
from app.metering.models import UsageEvent
from tests.asynchronous import until
from tests.gateway.gateways import RESULT
from tests.gateway.processes import Connection, call, gateway_process, gateway_processes
from tests.gateway.upstreams import Upstream, answer, raw, silence
from tests.waiting import PATIENCE_S, eventually

HURRIED = {"heartbeat_s": 0.2, "dead_after_s": 3}
"""The dead are found soon. A gateway that is only slow is hardly taken for one; if it is, its calls are refused for a
moment, which changes nothing that is asserted here.
"""


def sparingly(kind):
    """Waits for somebody to be taken for dead: on one database, and on both in the long run."""
    kinds = ["sqlite", "postgresql"] if os.environ.get("SOAK") == "long" else [kind]
    return pytest.mark.parametrize("database_url", kinds, indirect=True)


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


async def pass_so_many(gateway, secret, calls):
    """However long it takes until they may, and however often they are refused until then."""
    async with asyncio.timeout(3 * PATIENCE_S):
        while calls:
            if await passes(gateway, secret):
                calls -= 1
            else:
                await asyncio.sleep(0.1)


async def test_two_hundred_calls_at_once_on_three_processes_pass_exactly_a_hundred_times(
    database_url, engine, tmp_path, capped
):
    async with Upstream(OK) as upstream:
        secret = capped(upstream.url)
        with gateway_processes(database_url, tmp_path, 3) as gateways:
            passed = await asyncio.gather(*[passes(gateways[number % 3], secret) for number in range(200)])

            assert sum(passed) == 100
            assert len(upstream.requests) == 100
            assert not await passes(gateways[1], secret)
            counted = settled(engine)
    assert (counted.spent, counted.reserved) == (100, 0)
    with Session(engine) as session:
        assert sum(event.units for event in session.scalars(select(UsageEvent))) == 100


@sparingly("postgresql")
async def test_what_a_killed_gateway_held_is_given_back(database_url, engine, tmp_path, capped):
    async with Upstream(silence) as upstream:
        secret = capped(upstream.url, "3/month")
        with gateway_processes(database_url, tmp_path, 2, **HURRIED) as [dying, living]:
            connections = [Connection(dying.port, secret) for _ in range(3)]
            hanging = [asyncio.create_task(connection.call()) for connection in connections]
            await until(lambda: len(upstream.requests) == 3)
            assert not await passes(living, secret)

            dying.kill()
            await asyncio.gather(*hanging, return_exceptions=True)
            for connection in connections:
                await connection.close()
            upstream.script = OK

            await pass_so_many(living, secret, 3)
            assert not any([await passes(living, secret) for _ in range(3)])
            assert settled(engine).spent == 3


@sparingly("sqlite")
async def test_a_gateway_that_was_frozen_does_not_use_what_others_have_got(database_url, engine, tmp_path, capped):
    async with Upstream(silence) as upstream:
        secret = capped(upstream.url, "2/month")
        with gateway_processes(database_url, tmp_path, 2, **HURRIED) as [frozen, living]:
            connection = Connection(frozen.port, secret)
            hanging = asyncio.create_task(connection.call())
            await until(lambda: upstream.requests)
            with engine.begin() as writing:
                writing.execute(delete(PROCESSES).where(PROCESSES.c.id == uuid4()))
                # Now it is not in the middle of writing: on SQLite, a process that is holds up all others for good.
                os.kill(frozen.process.pid, signal.SIGSTOP)
            upstream.script = OK
            await pass_so_many(living, secret, 2)

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
