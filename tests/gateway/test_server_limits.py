"""What one caller may ask of the server: of its memory, its time and its connections."""

import asyncio
import json
from contextlib import AsyncExitStack, suppress

import pytest

from app.gateway.server import connection
from app.gateway.server.limits import Limits
from tests.asynchronous import until
from tests.gateway import wire
from tests.gateway.processes import read_answer
from tests.gateway.upstreams import Upstream, answer, raw, silence
from tests.gateway.wire import RESULT_BODY, connected, request
from tests.waiting import PATIENCE_S

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_a_connection_too_many_is_told_so_and_hurts_nobody(open_server):
    limits = Limits(connections=2, head_s=PATIENCE_S)
    async with open_server(limits=limits) as (caller, _, port), connected(port) as (reader, writer):
        async with connected(port) as (second, writer_of_second):
            writer_of_second.write(HEALTH)
            assert (await read_answer(second)).status == 200
            async with connected(port) as (third, writer_of_third):
                writer_of_third.write(request(caller.secret))
                got = await read_answer(third)
                assert (got.status, got.headers["connection"], got.headers["retry-after"]) == (503, "close", "5")
                assert got.json["error"]["data"]["reason"] == "too_many_connections"
                assert got.json["error"]["data"]["requestId"] == got.headers["postern-request-id"]
                assert await third.read() == b""
            writer.write(request(caller.secret))
            assert (await read_answer(reader)).status == 200

        async def is_let_in():
            async with connected(port) as (third, writer_of_third):
                writer_of_third.write(HEALTH)
                return (await read_answer(third)).status == 200

        while not await is_let_in():  # once the second has gone
            await asyncio.sleep(0.01)


async def test_a_flood_beyond_those_is_dropped(open_server, monkeypatch):
    monkeypatch.setattr(connection, "TURNED_AWAY_AT_MOST", 1)
    monkeypatch.setattr(connection, "LINGER_S", PATIENCE_S)
    limits = Limits(connections=1, head_s=PATIENCE_S)
    async with open_server(limits=limits) as (caller, _, port), connected(port) as (reader, writer):
        writer.write(request(caller.secret))
        await read_answer(reader)
        async with connected(port) as (second, _), connected(port) as (third, _):
            assert (await read_answer(second)).status == 503
            with suppress(ConnectionResetError):
                assert await third.read() == b""

        writer.write(request(caller.secret))
        assert (await read_answer(reader)).status == 200


async def test_a_connection_that_nobody_uses_is_closed(open_server):
    async with open_server(limits=Limits(keep_alive_s=0.2)) as (caller, _, port), connected(port) as (reader, writer):
        writer.write(request(caller.secret))
        assert (await read_answer(reader)).status == 200

        assert await reader.read() == b""


async def test_requests_sent_far_ahead_are_left_to_be_repeated(open_server):
    async with open_server(limits=Limits(ahead=3)) as (caller, upstream, port), connected(port) as (reader, writer):
        writer.write(request(caller.secret) * 20)

        answers = [await read_answer(reader) for _ in range(4)]

        assert [got.headers.get("connection") for got in answers] == [None, None, None, "close"]
        assert await reader.read() == b""
        assert len(upstream.requests) == len(caller.events) == 4


async def test_answers_that_nobody_reads_hold_back_the_next_request(open_server):
    large = json.dumps({"jsonrpc": "2.0", "id": 7, "result": {"content": "x" * 4_000_000}}).encode()
    async with open_server(raw(answer(large))) as (caller, upstream, port), connected(port) as (reader, writer):
        writer.transport.pause_reading()
        writer.write(request(caller.secret) * 10)
        await until(lambda: upstream.requests)
        async with connected(port) as (another, writer_of_another):
            for _ in range(20):  # time enough for the rest, had it been let in
                writer_of_another.write(HEALTH)
                assert (await read_answer(another)).status == 200
                await asyncio.sleep(0.01)
        assert len(upstream.requests) < 5

        writer.transport.resume_reading()
        assert {len((await read_answer(reader)).body) for _ in range(10)} == {len(large)}


async def test_a_body_that_nobody_asked_for_stays_with_its_sender(open_sqlite_gateway):
    async with (
        Upstream(silence) as upstream,
        open_sqlite_gateway(upstream_url=upstream.url) as caller,
        wire.serving(caller.gateway, None) as (server, port),
        connected(port) as (_, writer),
    ):
        writer.write(request(caller.secret, b" " * (20 << 20)).replace(b"POST", b"GET"))
        await until(lambda: upstream.requests)

        [member] = await until(lambda: [one for one in server._service.members if one._is_held])

        assert member._turn.caller.size < 2 << 20
        writer.transport.abort()


async def test_a_head_that_comes_in_pieces_is_understood(open_server):
    async with open_server() as (caller, _, port), connected(port) as (reader, writer):
        sent = request(caller.secret)
        for at in range(0, len(sent), 40):
            writer.write(sent[at : at + 40])
            await writer.drain()
            await asyncio.sleep(0.001)

        assert (await read_answer(reader)).passed == RESULT_BODY


@pytest.mark.parametrize("pieces", [1, 3])
async def test_a_whole_head_that_is_too_large_is_refused(open_server, pieces):
    limits = Limits(head_bytes=10_000, head_s=PATIENCE_S)
    async with open_server(limits=limits) as (_, _, port), connected(port) as (reader, writer):
        size = 12_000 // pieces
        for _ in range(pieces):
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " if _ == 0 else b"")
            writer.write(b"a" * size)
            await writer.drain()
            await asyncio.sleep(0.01)
        writer.write(b"\r\n\r\n")

        got = await read_answer(reader)

        assert got.status == 400
        assert "10,000 bytes" in got.json["error"]["message"]


async def test_a_large_body_is_no_large_head(open_server):
    body = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "x" * 100_000}}).encode()
    limits = Limits(head_bytes=10_000, head_s=PATIENCE_S)
    async with open_server(limits=limits) as (caller, _, port), connected(port) as (reader, writer):
        writer.write(request(caller.secret, body))

        assert (await read_answer(reader)).status == 200


async def test_a_hundred_idle_connections_do_not_disturb_the_others(open_server):
    async with open_server() as (caller, _, port), AsyncExitStack() as stack:
        for _ in range(100):
            await stack.enter_async_context(connected(port))
        reader, writer = await stack.enter_async_context(connected(port))
        writer.write(request(caller.secret))

        assert (await read_answer(reader)).passed == RESULT_BODY
