"""T19: streams that stay open are counted, capped, and free their place at once when they end."""

import asyncio
import json

import pytest

from tests.asynchronous import until
from tests.gateway.gateways import CALL, RESULT
from tests.gateway.limiting import limited
from tests.gateway.upstreams import Upstream, answer, raw

LISTEN = {
    "jsonrpc": "2.0",
    "id": 5,
    "method": "subscriptions/listen",
    "params": {"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}},
}
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


async def open_for_long(request, reader, writer):
    writer.write(STREAM + b"9\r\n: here\n\n\n\r\n")
    await writer.drain()
    await reader.read()


def listening(caller):
    more = [("Mcp-Method", "subscriptions/listen"), ("MCP-Protocol-Version", "2026-07-28")]
    return caller.start(LISTEN, headers=caller.usual(*more))


def getting(caller):
    return caller.start(method="GET", headers=caller.usual())


@pytest.mark.parametrize("opening", [listening, getting])
async def test_t19_two_hundred_streams_on_one_key_are_capped_and_closing_frees_at_once(open_sqlite_gateway, opening):
    async with (
        Upstream(open_for_long) as upstream,
        limited(open_sqlite_gateway, upstream, ("streams", "20", {"per": "key"})) as caller,
    ):
        requests = [opening(caller) for _ in range(200)]
        refused = await until(lambda: (done := [one for one in requests if one.answer.is_complete])[179:] and done)
        held = [one for one in requests if one not in refused]
        await until(lambda: all(one.answer.pieces for one in held))

        assert len(held) == 20
        assert all(one.answer.status == 429 for one in refused)
        error = refused[0].answer.error
        assert error["code"] == -31429
        assert error["data"].items() >= {"reason": "too_many_streams", "limit": "streams 20", "scope": "key"}.items()
        assert "may have 20 streams at once" in error["message"]
        assert ';qu="concurrent-requests"' in refused[0].answer.header("ratelimit-policy")

        held[0].hang_up()
        await held[0].finished()
        again = opening(caller)
        await until(lambda: again.answer.pieces)

        for one in [*held, again]:
            one.hang_up()
        await asyncio.gather(*[one.finished() for one in (*held, again)])
        [gauge] = caller.gateway.parts.keeper.rates.gauges.values()
        assert gauge.open == 0


async def test_answers_that_stream_count_and_calls_are_refused_once_that_is_known(open_sqlite_gateway):
    async with (
        Upstream(open_for_long) as upstream,
        limited(open_sqlite_gateway, upstream, ("streams", "2", {"per": "key"})) as caller,
    ):
        calls = [caller.start(CALL) for _ in range(3)]
        await until(lambda: all(one.answer.pieces for one in calls))

        assert (await getting(caller).finished()).status == 429
        for one in calls[1:]:
            one.hang_up()
            await one.finished()

        second = caller.start(CALL)
        await until(lambda: second.answer.pieces)
        got = await caller.start(CALL).finished()
        assert (got.status, got.error["data"]["reason"]) == (200, "too_many_streams")
        assert not second.answer.is_complete
        assert len(upstream.requests) == 4
        for one in (calls[0], second):
            one.hang_up()
            await one.finished()
        stream = getting(caller)
        await until(lambda: stream.answer.pieces)
        stream.hang_up()
        await stream.finished()


async def test_a_tools_first_streams_go_at_most_one_beyond_the_number(open_sqlite_gateway):
    async with (
        Upstream(open_for_long) as upstream,
        limited(open_sqlite_gateway, upstream, ("streams", "2", {"per": "key"})) as caller,
    ):
        calls = [caller.start(CALL) for _ in range(20)]
        refused = await until(lambda: (done := [one for one in calls if one.answer.is_complete])[16:] and done)
        held = [one for one in calls if one not in refused]
        await until(lambda: all(one.answer.pieces for one in held))

        assert len(held) == len(upstream.requests) == 3
        assert {one.answer.error["data"]["reason"] for one in refused} == {"too_many_streams"}
        for one in held:
            one.hang_up()
            await one.finished()
        [gauge] = caller.gateway.parts.keeper.rates.gauges.values()
        assert (gauge.open, gauge.is_tried) == (0, False)


async def test_a_crowd_of_first_calls_with_plain_answers_is_not_refused(open_sqlite_gateway):
    async with (
        Upstream(raw(answer(json.dumps(RESULT).encode()))) as upstream,
        limited(open_sqlite_gateway, upstream, ("streams", "2", {"per": "key"})) as caller,
    ):
        answers = await asyncio.gather(*[caller.call() for _ in range(30)])

        assert ["result" in one.json for one in answers] == [True] * 30
        [gauge] = caller.gateway.parts.keeper.rates.gauges.values()
        assert (gauge.open, gauge.is_tried, gauge.waiting) == (0, False, [])


async def test_a_first_call_that_came_to_nothing_teaches_nothing(open_sqlite_gateway):
    async def silent(request, reader, writer):
        if len(upstream.requests) > 1:
            await open_for_long(request, reader, writer)
        await reader.read()

    async with (
        Upstream(silent) as upstream,
        limited(open_sqlite_gateway, upstream, ("streams", "1", {"per": "key"})) as caller,
    ):
        first = caller.start(CALL)
        await until(lambda: upstream.requests)
        first.hang_up()
        await first.finished()

        calls = [caller.start(CALL) for _ in range(10)]
        await until(lambda: [one for one in calls if one.answer.is_complete][7:] and len(upstream.requests) == 3)
        for one in calls:
            one.hang_up()
            await one.finished()


async def test_calls_answered_with_json_are_not_refused_for_streams(open_sqlite_gateway):
    async def script(request, reader, writer):
        if request.method == "GET":
            await open_for_long(request, reader, writer)
        else:
            writer.write(answer(json.dumps(RESULT).encode()))
            await writer.drain()

    async with (
        Upstream(script) as upstream,
        limited(open_sqlite_gateway, upstream, ("streams", "1", {"per": "key"})) as caller,
    ):
        stream = getting(caller)
        await until(lambda: stream.answer.pieces)

        assert [(await caller.call()).receipt is not None for _ in range(3)] == [True] * 3
        stream.hang_up()
        await stream.finished()
