"""What callers notice of an integration that is left alone: words, at once, and nothing on their bill."""

import asyncio
import json

import pytest

from app.gateway.upstream import breaker
from app.gateway.upstream.breaker import OPENS_AFTER
from tests.asynchronous import until
from tests.gateway.gateways import CALL, LIST, RESULT
from tests.gateway.upstreams import Upstream, answer, raw

OK = answer(json.dumps(RESULT).encode())
SORRY = answer(b"sorry", status="500 Oops", kind="text/plain")


@pytest.fixture(autouse=True)
def no_jitter(monkeypatch):
    monkeypatch.setattr(breaker, "JITTER", 0)


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
        assert (await probe.finished()).json["result"]["content"] == RESULT["result"]["content"]
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
