"""Limits at the gateway: what passes, what does not, and what callers are told."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session

from app.core import clock
from app.limits import queries, services
from tests.asynchronous import until
from tests.gateway.gateways import CALL, LIST, RESULT
from tests.gateway.limiting import known_by, limit, limited, price
from tests.gateway.upstreams import Upstream, answer, raw, silence

OK = raw(answer(json.dumps(RESULT).encode()))
BROKEN = raw(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")


def called(name):
    return {**CALL, "params": {**CALL["params"], "name": name}}


async def counters(caller):
    """All counters, once no call is under way: they agree with the ledger."""

    def all_agree():
        with caller.engine.connect() as connection:
            found = list(queries.recount(connection))
        return found if all(counted.agrees for counted in found) else None

    return await until(all_agree)


async def test_a_rate_lets_so_many_pass_and_says_when_the_next_may(open_sqlite_gateway):
    async with Upstream(OK) as upstream, limited(open_sqlite_gateway, upstream, ("calls", "3/hour")) as caller:
        passed = [await caller.call() for _ in range(3)]
        refused = await caller.call()

        assert [got.status for got in passed] == [200] * 3
        assert all("result" in got.json for got in passed)
        assert (refused.status, refused.error["code"]) == (200, -31429)
        assert (
            refused.error["data"].items()
            >= {
                "reason": "rate_limited",
                "limit": "calls 3/hour",
                "scope": "organisation",
            }.items()
        )
        words = refused.error["message"]
        assert words.startswith("Too many calls in a short time: your organisation may have 3 calls an hour.")
        assert words.endswith(
            "Whoever runs this gateway can raise this limit; http://portal.example/usage shows what was used."
        )
        wait_s = int(refused.header("retry-after"))
        resets_at = datetime.fromisoformat(refused.error["data"]["resetAt"])
        assert abs((resets_at - datetime.now(UTC)).total_seconds() - wait_s) < 30
        assert len(upstream.requests) == 3
        [attempt] = await until(lambda: caller.attempts)
        assert (attempt.reason, attempt.detail) != ("", "")
        assert attempt.rule_id is not None


async def test_what_is_free_counts_towards_rates_and_is_refused_in_words_if_it_waits_for_any(open_sqlite_gateway):
    async with Upstream(OK) as upstream, limited(open_sqlite_gateway, upstream, ("calls", "2/hour")) as caller:
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        await caller.call(ping)
        await caller.call(LIST)
        refused = await caller.call(ping)

        unheard = await caller.call({"jsonrpc": "2.0", "method": "notifications/progress", "params": {}})

        assert (refused.status, refused.error["code"]) == (200, -31429)
        assert int(refused.header("retry-after")) > 0
        assert (unheard.status, unheard.error["code"]) == (429, -31429)


@pytest.mark.parametrize("method", ["initialize", "server/discover", "tools/list"])
@pytest.mark.parametrize("path", ["/mcp/sampler", "/mcp"])
async def test_who_is_refused_while_connecting_is_told_in_words(open_sqlite_gateway, method, path):
    async with Upstream(OK) as upstream, limited(open_sqlite_gateway, upstream, ("calls", "0/hour")) as caller:
        message = {"jsonrpc": "2.0", "id": 3, "method": method, "params": {}}
        refused = await caller.call(message, path=path)

        assert (refused.status, refused.json["id"], refused.error["code"]) == (200, 3, -31429)
        assert "may have 0 calls an hour" in refused.error["message"]
        assert upstream.requests == []


@pytest.mark.parametrize("message", [CALL, LIST], ids=["call", "list"])
async def test_a_flood_gets_429_for_everything(open_sqlite_gateway, message):
    async with Upstream(OK) as upstream, limited(open_sqlite_gateway, upstream, ("calls", "1/hour")) as caller:
        answers = [await caller.call(message) for _ in range(110)]

        assert answers[50].status == 200
        assert answers[-1].status == 429


async def test_refused_calls_do_not_count(open_sqlite_gateway):
    async with (
        Upstream(OK) as upstream,
        limited(open_sqlite_gateway, upstream, ("calls", "3/hour"), ("calls", "1/hour", {"tool": "greet"})) as caller,
    ):
        assert "result" in (await caller.call()).json
        assert "error" in (await caller.call()).json
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}

        assert [b"-31429" in (await caller.call(ping)).body for _ in range(3)] == [False, False, True]


async def test_each_key_has_the_usual_limits_unless_an_operator_sets_another(open_sqlite_gateway):
    async with Upstream(OK) as upstream, limited(open_sqlite_gateway, upstream, key_calls_per_minute=2) as caller:
        refused = [await caller.call() for _ in range(5)][-1]
        assert refused.error["data"]["scope"] == "key"
        assert "your key “pst_live_" in refused.error["message"]

        await limit(caller, "calls", "1000/minute")

        assert "result" in (await caller.call()).json


async def test_an_allowance_is_used_to_the_last_and_not_beyond(open_gateway):
    async with Upstream(OK) as upstream, limited(open_gateway, upstream, ("calls", "3/month")) as caller:
        answers = [await caller.call() for _ in range(5)]

        assert ["result" in got.json for got in answers] == [True, True, True, False, False]
        error = answers[-1].error
        assert (answers[-1].status, error["code"], error["data"]["reason"]) == (200, -31402, "allowance_used")
        first_of_next = (datetime.now(UTC).replace(day=1) + timedelta(days=32)).strftime("%Y-%m-01")
        assert f"a new month begins at {first_of_next} 00:00 UTC" in error["message"]
        assert error["data"]["resetAt"].startswith(first_of_next)
        [counted] = await counters(caller)
        assert (counted.spent, counted.reserved, counted.most) == (3, 0, 3)


@pytest.mark.parametrize("calls", [60])
async def test_calls_at_once_pass_exactly_as_many_as_are_allowed(open_gateway, calls):
    async with Upstream(OK) as upstream, limited(open_gateway, upstream, ("calls", "25/month")) as caller:
        answers = await asyncio.gather(*[caller.call() for _ in range(calls)])

        assert sum("result" in got.json for got in answers) == 25
        assert len(upstream.requests) == 25


async def test_a_cap_on_spending_is_never_passed(open_gateway):
    async with Upstream(OK) as upstream, limited(open_gateway, upstream, ("spend", "0.10usd/month")) as caller:
        await price(caller, "3c")
        answers = await asyncio.gather(*[caller.call() for _ in range(8)])

        assert sum("result" in got.json for got in answers) == 3
        refused = next(got for got in answers if "error" in got.json)
        assert (refused.error["code"], refused.error["data"]["reason"]) == (-31402, "cap_reached")
        assert "your organisation may have $0.10 a month" in refused.error["message"]
        [counted] = await counters(caller)
        assert (counted.spent, counted.reserved) == (9 * 10**9, 0)
        assert sum(event.amount_nanos for event in caller.events) == counted.spent


async def test_failed_calls_cost_nothing_and_leave_the_allowance_to_others(open_gateway):
    async with Upstream(BROKEN) as upstream, limited(open_gateway, upstream, ("calls", "2/month")) as caller:
        for _ in range(4):
            assert (await caller.call()).error["code"] == -31502
        upstream.script = OK

        assert ["result" in (await caller.call()).json for _ in range(3)] == [True, True, False]
        [counted] = await counters(caller)
        assert (counted.spent, counted.reserved) == (2, 0)


async def test_a_caller_who_leaves_takes_nothing_with_him(open_gateway):
    async with Upstream(silence) as upstream, limited(open_gateway, upstream, ("calls", "1/month")) as caller:
        request = caller.start()
        await until(lambda: upstream.requests)
        assert "error" in (await caller.call()).json

        request.hang_up()
        await request.finished()
        await until(lambda: caller.events)
        upstream.script = OK

        async def passes():
            return "result" in (await caller.call()).json

        for _ in range(1_000):
            if await passes():
                break
        else:
            pytest.fail("What the caller had reserved was not given back.")


async def test_asking_for_more_input_is_no_call(open_gateway):
    asking = {**RESULT, "result": {"resultType": "input_required", "inputRequests": {}}}
    async with (
        Upstream(raw(answer(json.dumps(asking).encode()))) as upstream,
        limited(open_gateway, upstream, ("calls", "1/month")) as caller,
    ):
        await caller.call()
        upstream.script = OK

        assert "result" in (await caller.call()).json
        [counted] = await counters(caller)
        assert counted.spent == 1


async def test_what_was_used_before_the_limit_counts(open_gateway):
    async with Upstream(OK) as upstream, limited(open_gateway, upstream) as caller:
        for _ in range(3):
            await caller.call()

        await limit(caller, "calls", "4/month", per="key")

        assert ["result" in (await caller.call()).json for _ in range(2)] == [True, False]
        [counted] = await counters(caller)
        assert counted.spent == 4


async def test_raising_and_lifting_a_limit_lets_calls_pass_again(open_gateway):
    async with Upstream(OK) as upstream, limited(open_gateway, upstream, ("calls", "1/month")) as caller:
        assert ["result" in (await caller.call()).json for _ in range(2)] == [True, False]

        await limit(caller, "calls", "2/month")
        assert ["result" in (await caller.call()).json for _ in range(2)] == [True, False]

        with Session(caller.engine) as session:
            [rule] = queries.rules_of(session)
            services.remove(session, rule=rule, now=clock.now())
            session.commit()
        await known_by(caller)
        assert "result" in (await caller.call()).json


async def test_max_cost_stops_a_call_before_it_is_made(open_sqlite_gateway):
    async with Upstream(OK) as upstream, limited(open_sqlite_gateway, upstream) as caller:
        await price(caller, "5c", tool="greet")

        refused = await caller.call(headers=caller.usual(("Max-Cost", "0.04 usd")))
        assert (refused.status, refused.error["code"]) == (200, -31402)
        assert refused.error["data"]["reason"] == "over_max_cost"
        assert "it costs $0.05, and Max-Cost allows $0.04" in refused.error["message"]
        assert upstream.requests == []
        assert "result" in (await caller.call(headers=caller.usual(("Max-Cost", "0.05 usd")))).json


@pytest.mark.parametrize("value", ["", "lots", "-1", "0.05 eur", "1e2"])
async def test_a_max_cost_that_is_no_amount_is_refused_clearly(open_sqlite_gateway, value):
    async with Upstream(OK) as upstream, limited(open_sqlite_gateway, upstream) as caller:
        got = await caller.call(headers=caller.usual(("Max-Cost", value)))

        assert got.status == 400
        assert "Max-Cost" in got.error["message"]
        assert upstream.requests == []


async def test_answers_and_refusals_say_what_is_left(open_gateway):
    async with (
        Upstream(OK) as upstream,
        limited(open_gateway, upstream, ("calls", "5/hour"), ("calls", "3/day", {"per": "key"})) as caller,
    ):
        got = await caller.call()

        policies = sorted(got.header("ratelimit-policy").split(", "))
        assert policies == ['"key-calls-day";q=3;w=86400', '"organisation-calls-hour";q=5;w=3600']
        left = dict(part.split(";r=") for part in got.header("ratelimit").split(", "))
        assert left['"organisation-calls-hour"'].startswith("4;t=")
        assert left['"key-calls-day"'].startswith("2;t=")

        await caller.call()
        await caller.call()
        refused = await caller.call()
        assert '"key-calls-day";r=0' in refused.header("ratelimit")
        assert refused.header("ratelimit-policy") == got.header("ratelimit-policy")


async def test_limits_count_for_whom_they_say(open_sqlite_gateway):
    async with (
        Upstream(OK) as upstream,
        limited(open_sqlite_gateway, upstream, ("calls", "1/month", {"tool": "greet"})) as caller,
    ):
        assert "result" in (await caller.call()).json
        refused = await caller.call()
        assert "1 call a month for “greet” of “Sampler”" in refused.error["message"]
