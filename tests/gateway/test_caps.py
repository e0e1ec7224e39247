"""Caps that customers set for themselves: held for a key, an integration, a day; and what happens at one."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from app.limits import models, queries
from tests.gateway.gateways import RESULT
from tests.gateway.limiting import limit, limited, price
from tests.gateway.upstreams import Upstream, answer, raw

OK = raw(answer(json.dumps(RESULT).encode()))
OWN = {"set_by": "organisation"}


@asynccontextmanager
async def capped(open_gateway, quantity, **more):
    """A caller whose calls cost 3 cents each, under a cap that the organisation set itself."""
    async with Upstream(OK) as upstream, limited(open_gateway, upstream) as caller:
        await price(caller, "3c")
        await limit(caller, "spend", quantity, **OWN, **more)
        yield caller


@pytest.fixture
def a_minute_that_stands_still(monkeypatch):
    monkeypatch.setattr("app.gateway.limits.time", lambda: 1_800_000_000.5)


def passed(answers):
    return sum("result" in got.json for got in answers)


async def together(caller, calls):
    return await asyncio.gather(*[caller.call() for _ in range(calls)])


@pytest.mark.parametrize("whose", [{}, {"for_key": True}, {"integration": True}], ids=["all", "key", "integration"])
@pytest.mark.parametrize("period", ["day", "month"])
async def test_calls_at_once_never_pass_a_cap(open_sqlite_gateway, whose, period):
    async with capped(open_sqlite_gateway, f"0.10usd/{period}", **whose) as caller:
        answers = await together(caller, 12)

        assert passed(answers) == 3
        assert sum(event.amount_nanos for event in caller.events) == 9 * 10**9


async def test_the_lowest_of_several_limits_wins(open_sqlite_gateway):
    async with capped(open_sqlite_gateway, "0.30usd/month") as caller:
        await limit(caller, "spend", "0.20usd/day", for_key=True, **OWN)
        await limit(caller, "spend", "0.06usd/month")

        assert passed(await together(caller, 8)) == 2


async def test_a_refusal_says_whose_cap_until_when_and_where_to_raise_it(open_sqlite_gateway):
    async with capped(open_sqlite_gateway, "0.02usd/day", integration=True) as caller:
        refused = await caller.call()

        tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d} 00:00 UTC"
        assert refused.error["message"].endswith(
            "your organisation may have $0.02 a day of “Sampler”. This call would go beyond that; a new day begins at "
            f"{tomorrow}. Your organisation set this limit itself; an owner can raise it: "
            "http://portal.example/billing/limits/"
        )


async def test_a_cap_that_slows_lets_some_calls_a_minute_go_on(open_sqlite_gateway, a_minute_that_stands_still):
    async with capped(open_sqlite_gateway, "0.10usd/month", action="slow") as caller:
        answers = await together(caller, 20)

        assert passed(answers) == 3 + models.SLOW_PER_MINUTE
        refused = next(got for got in answers if "error" in got.json)
        assert (refused.error["code"], refused.error["data"]["reason"]) == (-31429, "rate_limited")
        assert "so 10 calls a minute pass until" in refused.error["message"]
        assert int(refused.header("retry-after")) > 0
        with caller.engine.connect() as connection:
            [counted] = queries.recount(connection)
        assert (counted.agrees, counted.spent) == (True, 9 * 10**9)


async def test_raising_a_cap_that_slowed_counts_what_went_on_beyond_it(open_sqlite_gateway, a_minute_that_stands_still):
    async with capped(open_sqlite_gateway, "0.10usd/month", action="slow") as caller:
        assert passed(await together(caller, 20)) == 13

        await limit(caller, "spend", "0.45usd/month", **OWN)

        assert passed(await together(caller, 8)) == 2
        assert sum(event.amount_nanos for event in caller.events) == 45 * 10**9


async def test_a_cap_that_only_notifies_stops_nothing_until_it_is_told_to(open_sqlite_gateway):
    async with capped(open_sqlite_gateway, "0.02usd/month", action="notify") as caller:
        assert passed(await together(caller, 4)) == 4

        await limit(caller, "spend", "0.15usd/month", **OWN)

        assert passed(await together(caller, 4)) == 1


async def test_a_lowered_cap_holds_at_once_though_more_was_held_ahead(open_sqlite_gateway):
    async with capped(open_sqlite_gateway, "900.00usd/month") as caller:
        assert passed(await together(caller, 30)) == 30

        await limit(caller, "spend", "0.96usd/month", **OWN)

        assert passed([await caller.call() for _ in range(5)]) == 2
