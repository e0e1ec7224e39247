"""A caller who hangs up ends the call at the integration too, and pays nothing."""

import asyncio

import pytest

from app.gateway import meter
from app.metering.recorder import NotRecorded
from tests.asynchronous import until
from tests.gateway.gateways import LIST
from tests.gateway.upstreams import Upstream, answer, raw, silence

STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: hello\n\n"
LONG = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{"jsonrpc"'


def starting_with(data):
    async def script(request, reader, writer):
        writer.write(data)
        await writer.drain()
        await silence(request, reader, writer)

    return script


@pytest.mark.parametrize("began", [b"", STREAM, LONG], ids=["nothing yet", "a stream", "half an answer"])
async def test_t19_hanging_up_aborts_the_call_at_the_integration(open_gateway, began):
    async with Upstream(starting_with(began)) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        request = caller.start()
        await until(lambda: upstream.requests)

        request.hang_up()
        await until(upstream.hung_up.is_set)
        await request.finished()

        [event] = await until(lambda: caller.events)
        assert (event.status, event.error_class, event.units) == ("cancelled", "caller_gone", 0)
        assert [(hour.calls, hour.errors, hour.units) for hour in caller.hours] == [(1, 1, 0)]


async def test_hanging_up_on_something_free_aborts_it_too(open_sqlite_gateway):
    async with Upstream(silence) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        request = caller.start(LIST)
        await until(lambda: upstream.requests)

        request.hang_up()
        await until(upstream.hung_up.is_set)
        await request.finished()

        assert caller.events == []


async def test_a_call_that_is_cut_short_from_inside_is_written_down_as_such(open_sqlite_gateway):
    async with Upstream(silence) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        request = caller.start()
        await until(lambda: upstream.requests)

        request.task.cancel()
        await asyncio.gather(request.task, return_exceptions=True)

        await until(upstream.hung_up.is_set)
        [event] = await until(lambda: caller.events)
        assert (event.status, event.error_class, event.units) == ("cancelled", "interrupted", 0)


async def test_a_caller_that_stays_is_not_taken_for_one_that_left(open_sqlite_gateway):
    async def slowly(request, reader, writer):
        await asyncio.sleep(0.2)  # longer than the watch waits
        writer.write(answer(b'{"jsonrpc":"2.0","id":7,"result":{}}'))

    async with Upstream(slowly) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call()

        assert got.status == 200
        assert [event.status for event in caller.events] == ["ok"]


async def test_a_cancelled_call_that_finds_no_room_is_only_counted(open_sqlite_gateway, monkeypatch):
    def full(*_, **__):
        raise NotRecorded("Too many calls wait for the ledger.")

    async with Upstream(silence) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        monkeypatch.setattr(caller.gateway.parts.recorder, "note", full)
        request = caller.start()
        await until(lambda: upstream.requests)
        request.hang_up()
        await request.finished()

        registry = caller.gateway.parts.metrics.registry
        assert registry.get_sample_value("postern_gateway_unrecorded_calls_total") == 1


def test_units_of_a_cancelled_call_are_none():
    assert (meter.GONE.units, meter.INTERRUPTED.units) == (0, 0)


async def test_a_caller_that_leaves_after_the_end_pays_as_agreed(open_sqlite_gateway):
    async with (
        Upstream(raw(answer(b'{"jsonrpc":"2.0","id":7,"result":{}}'))) as upstream,
        open_sqlite_gateway(upstream_url=upstream.url) as caller,
    ):
        request = caller.start()
        await request.finished()
        request.hang_up()

        assert [(event.status, event.units) for event in caller.events] == [("ok", 1)]
