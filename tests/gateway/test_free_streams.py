"""Streams that cost nothing: they pass as they come, and end cleanly when they fall silent or we stop."""

import asyncio

from tests.asynchronous import until
from tests.gateway.gateways import LIST, RESULT
from tests.gateway.streams import END, HEAD, PROGRESS, event
from tests.gateway.upstreams import Upstream, chunk, silence


async def test_free_streams_pass_as_they_come(open_sqlite_gateway):
    gate = asyncio.Event()

    async def script(request, reader, writer):
        writer.write(HEAD + chunk(event(PROGRESS)))
        await gate.wait()
        writer.write(chunk(event({"jsonrpc": "2.0", "id": 1, "result": {"tools": []}})) + END)

    async with Upstream(script) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        request = caller.start(LIST)
        await until(lambda: request.answer.body == event(PROGRESS))
        gate.set()
        got = await request.finished()

        assert got.is_complete
        assert got.header("postern-receipt") is None
        assert caller.events == []


async def test_the_old_eras_listening_stream_and_its_end_pass(open_sqlite_gateway):
    async def script(request, reader, writer):
        if request.method == "DELETE":
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        else:
            writer.write(HEAD + chunk(event(PROGRESS, event_id="9")))
            await writer.drain()
            await silence(request, reader, writer)

    async with Upstream(script) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        session = ("Mcp-Session-Id", caller.session("abc"))
        request = caller.start(method="GET", headers=caller.usual(session, ("Last-Event-ID", "8")))
        await until(lambda: request.answer.pieces)
        assert upstream.requests[0].header("last-event-id") == "8"
        assert upstream.requests[0].header("mcp-session-id") == "abc"
        assert upstream.requests[0].header("content-length") is None

        request.hang_up()
        await until(upstream.hung_up.is_set)
        ended = await caller.call(method="DELETE", headers=caller.usual(session))
        assert (ended.status, ended.body) == (204, b"")


async def test_a_listening_stream_that_falls_silent_ends_cleanly(open_sqlite_gateway):
    async def script(request, reader, writer):
        writer.write(HEAD + chunk(event(PROGRESS)))
        await writer.drain()
        await silence(request, reader, writer)

    async with (
        Upstream(script) as upstream,
        open_sqlite_gateway(upstream_url=upstream.url, idle_timeout_s=0.1) as caller,
    ):
        assert (await caller.call(method="GET")).is_complete


async def test_draining_ends_listening_streams_and_lets_calls_finish(open_sqlite_gateway):
    gate = asyncio.Event()

    async def script(request, reader, writer):
        writer.write(HEAD + chunk(event(PROGRESS)))
        if request.method == "GET":
            await writer.drain()
            await silence(request, reader, writer)
        await gate.wait()
        writer.write(chunk(event(RESULT)) + END)

    async with Upstream(script) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        listening, calling = caller.start(method="GET"), caller.start()
        await until(lambda: listening.answer.pieces and calling.answer.pieces)

        caller.gateway.drain()

        assert (await listening.finished()).is_complete
        assert not calling.answer.is_complete
        gate.set()
        assert (await calling.finished()).passed.endswith(event(RESULT))
