"""An integration that keeps failing is left alone, asked again now and then, and trusted as soon as it answers."""

import asyncio
import json
from uuid import uuid4

import pytest

from app.gateway.upstream import address, breaker
from app.gateway.upstream.breaker import OPENS_AFTER, Breakers
from app.gateway.upstream.problems import (
    BadAnswer,
    BrokeOff,
    Busy,
    CallerGone,
    ErrorStatus,
    Forbidden,
    LockedOut,
    ShuttingDown,
    TimedOut,
    Unreachable,
)
from tests.asynchronous import until
from tests.gateway.gateways import CALL, LIST, RESULT
from tests.gateway.upstreams import Upstream, answer, raw

PLACE = address.parse("https://mcp.example/mcp")
ELSEWHERE = address.parse("https://mcp.example/moved")
US, THEM = uuid4(), uuid4()
OK = answer(json.dumps(RESULT).encode())
SORRY = answer(b"sorry", status="500 Oops", kind="text/plain")
COUNTED = [Unreachable("x"), TimedOut("x"), BrokeOff("x"), BadAnswer("x"), ErrorStatus(500), ErrorStatus(503)]
SAID_NO = [ErrorStatus(404), ErrorStatus(429), ErrorStatus(302), LockedOut("x")]
SAY_NOTHING = [Busy("x"), Forbidden("x"), CallerGone("x"), ShuttingDown("x")]


class Bench:
    """Breakers with a clock that a test turns."""

    def __init__(self):
        self.now = 1000.0
        self.opened, self.declined = [], []
        self.breakers = Breakers(on_open=self.opened.append, on_decline=self.declined.append, clock=lambda: self.now)

    def fail(self, times=OPENS_AFTER, *, slug="sampler", by=US, problem=None):
        for _ in range(times):
            self.breakers.heard(slug, PLACE, by, problem or TimedOut("x"))

    def wait_s(self, slug="sampler", *, by=US, place=PLACE):
        return self.breakers.wait_s(slug, place, by)


@pytest.fixture(autouse=True)
def no_jitter(monkeypatch):
    monkeypatch.setattr(breaker, "JITTER", 0)


@pytest.fixture
def bench():
    return Bench()


@pytest.mark.parametrize("problem", COUNTED, ids=repr)
def test_it_opens_after_a_run_of_failures(bench, problem):
    bench.fail(OPENS_AFTER - 1, problem=problem)
    assert bench.wait_s() == 0

    bench.fail(1, problem=problem)

    assert bench.wait_s() == 1
    assert (bench.opened, bench.declined, bench.breakers.open_count) == (["sampler"], ["sampler"], 1)


def test_a_good_answer_ends_the_run(bench):
    for _ in range(3):
        bench.fail(OPENS_AFTER - 1)
        bench.breakers.succeeded("sampler")

    assert bench.wait_s() == 0


@pytest.mark.parametrize("problem", SAID_NO, ids=repr)
def test_saying_no_is_a_sign_of_life(bench, problem):
    bench.fail(100, problem=problem)
    bench.fail(OPENS_AFTER - 1)
    bench.fail(1, problem=problem)
    bench.fail(OPENS_AFTER - 1)

    assert bench.wait_s() == 0


@pytest.mark.parametrize("problem", SAY_NOTHING, ids=repr)
def test_what_is_not_its_doing_neither_opens_nor_closes(bench, problem):
    bench.fail(100, problem=problem)
    assert bench.wait_s() == 0

    bench.fail()
    bench.fail(1, problem=problem)

    assert bench.wait_s() == 1


def test_one_call_is_let_through_after_each_pause_and_pauses_grow(bench):
    bench.fail()

    pauses = []
    for _ in range(8):
        pause = bench.wait_s()
        bench.now += pause
        assert bench.wait_s() == 0, "the first after the pause is let through"
        assert bench.wait_s() > 0, "and nobody else"
        bench.fail(1)
        pauses.append(pause)

    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    assert bench.opened == ["sampler"]


def test_a_probe_that_is_never_heard_of_again_holds_up_nobody(bench):
    bench.fail()
    bench.now += 1
    assert bench.wait_s() == 0

    bench.now += 2

    assert bench.wait_s() == 0


def test_a_good_answer_closes_it_and_the_next_pauses_are_short_again(bench):
    bench.fail()
    bench.now += 1
    assert bench.wait_s() == 0
    bench.breakers.succeeded("sampler")

    assert (bench.wait_s(), bench.breakers.open_count) == (0, 0)
    bench.fail()
    assert bench.wait_s() == 1


def test_a_stream_that_begins_closes_it_but_does_not_hide_that_streams_break_off(bench):
    for _ in range(OPENS_AFTER):
        bench.breakers.answering("sampler")
        bench.fail(1, problem=BrokeOff("x"))
    assert bench.wait_s() == 1

    bench.breakers.answering("sampler")

    assert bench.wait_s() == 0


def test_one_integration_does_not_affect_another(bench):
    bench.fail(slug="broken")
    bench.breakers.succeeded("sampler")

    assert bench.wait_s("broken") == 1
    assert bench.wait_s("sampler") == 0


def test_what_a_caller_can_bring_about_does_not_close_the_door_to_others(bench):
    bench.fail(by=THEM)

    assert bench.wait_s(by=THEM) == 1
    assert bench.wait_s(by=US) == 0


def test_what_no_caller_can_bring_about_counts_for_everybody(bench):
    bench.fail(OPENS_AFTER - 1, by=THEM, problem=Unreachable("x"))
    bench.fail(1, by=US, problem=Unreachable("x"))

    assert bench.wait_s(by=uuid4()) == 1


def test_an_integration_that_moved_starts_afresh(bench):
    bench.fail()

    assert bench.wait_s(place=ELSEWHERE) == 0
    assert bench.wait_s(place=ELSEWHERE) == 0


def test_nothing_is_kept_of_integrations_that_are_well(bench):
    bench.fail(1)
    bench.breakers.succeeded("sampler")

    assert bench.breakers._troubles == {}


def test_gateways_do_not_all_ask_in_the_same_moment(monkeypatch):
    monkeypatch.setattr(breaker, "JITTER", 0.2)

    pauses = {breaker._about(10) for _ in range(100)}

    assert len(pauses) > 50
    assert all(8 <= pause <= 12 for pause in pauses)


# Through the gateway


class Patience:
    """The clock of a gateway's breakers, turned by a test."""

    def __init__(self, caller):
        self.now = 1000.0
        caller.gateway.parts.breakers._clock = lambda: self.now


async def test_a_declined_call_is_answered_at_once_and_neither_sent_nor_recorded(open_sqlite_gateway, caplog):
    async with Upstream(raw(SORRY)) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        Patience(caller)
        for _ in range(OPENS_AFTER):
            assert "HTTP 500" in (await caller.call()).error["message"]

        call, listing = await caller.call(), await caller.call(LIST)

        assert (call.status, call.json["id"], call.error["data"]["reason"]) == (200, 7, "failing")
        assert "“Sampler” has been failing; the gateway will ask it again in 1 second." in call.error["message"]
        assert "not charged" in call.error["message"]
        assert (call.header("retry-after"), call.header("postern-receipt")) == ("1", None)
        assert (listing.status, listing.header("retry-after")) == (503, "1")
        assert "charged" not in listing.error["message"]
        assert len(upstream.requests) == OPENS_AFTER
        assert len(caller.events) == OPENS_AFTER
        assert [record.message for record in caplog.records if "breaker" in record.message] == ["breaker.opened"]


async def test_one_probe_finds_out_that_it_is_well_again(open_sqlite_gateway):
    gate = asyncio.Event()

    async def recovering(request, reader, writer):
        if len(upstream.requests) > OPENS_AFTER:
            await gate.wait()
            writer.write(OK)
        else:
            writer.write(SORRY)

    async with Upstream(recovering) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        patience = Patience(caller)
        for _ in range(OPENS_AFTER):
            await caller.call()
        patience.now += 1

        probe = caller.start()
        await until(lambda: len(upstream.requests) == OPENS_AFTER + 1)
        others = await asyncio.gather(*[caller.call() for _ in range(20)])
        gate.set()

        assert {got.error["data"]["reason"] for got in others} == {"failing"}
        assert (await probe.finished()).json["result"] == RESULT["result"]
        assert all("result" in got.json for got in await asyncio.gather(*[caller.call() for _ in range(20)]))


async def test_the_callers_own_mistakes_never_open_it(open_sqlite_gateway):
    reply = answer(b"no", status="404 Not Found", kind="text/plain")
    async with Upstream(raw(reply)) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        statuses = {(await caller.call()).status for _ in range(3 * OPENS_AFTER)}

        assert statuses == {404}
        assert len(upstream.requests) == 3 * OPENS_AFTER


async def test_callers_who_leave_never_open_it(open_sqlite_gateway):
    async def slow_once(request, reader, writer):
        if request.message["params"]["name"] == "slow":
            await asyncio.sleep(60)
        writer.write(OK)

    slow = {**CALL, "params": {"name": "slow"}}
    async with Upstream(slow_once) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        leaving = [caller.start(slow) for _ in range(2 * OPENS_AFTER)]
        await until(lambda: len(upstream.requests) == len(leaving))
        for request in leaving:
            request.hang_up()
        await asyncio.gather(*[request.finished() for request in leaving])

        assert "result" in (await caller.call()).json


async def test_listening_streams_that_end_never_open_it(open_sqlite_gateway):
    async def cut(request, reader, writer):
        if request.method == "GET":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            writer.close()
        else:
            writer.write(OK)

    async with Upstream(cut) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        for _ in range(2 * OPENS_AFTER):
            await caller.call(method="GET")

        assert "result" in (await caller.call()).json


async def test_metrics_say_how_many_are_left_alone(open_sqlite_gateway):
    async with Upstream(raw(SORRY)) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        Patience(caller)
        for _ in range(OPENS_AFTER + 3):
            await caller.call()

        value = caller.gateway.parts.metrics.registry.get_sample_value
        assert value("postern_gateway_failing_integrations") == 1
        assert value("postern_gateway_breaker_openings_total", {"integration": "sampler"}) == 1
        assert value("postern_gateway_declined_requests_total", {"integration": "sampler"}) == 3
