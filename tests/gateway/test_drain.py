"""Stopping: whoever is being answered is answered, whoever only listens is told, everybody else goes."""

import asyncio
from contextlib import suppress

from app.gateway.server.limits import Limits
from tests.asynchronous import until
from tests.gateway import wire
from tests.gateway.processes import read_answer
from tests.gateway.streams import END, HEAD, PROGRESS, event
from tests.gateway.upstreams import Upstream, answer, chunk, silence
from tests.gateway.wire import RESULT_BODY, connected, request
from tests.waiting import PATIENCE_S


async def test_calls_finish_and_listeners_and_idle_connections_end(open_sqlite_gateway):
    gate = asyncio.Event()

    async def script(asked, reader, writer):
        if asked.method == "GET":
            writer.write(HEAD + chunk(event(PROGRESS)))
            await writer.drain()
            await silence(asked, reader, writer)
        await gate.wait()
        writer.write(answer(RESULT_BODY))

    async with (
        Upstream(script) as upstream,
        open_sqlite_gateway(upstream_url=upstream.url) as caller,
        wire.serving(caller.gateway, Limits(head_s=PATIENCE_S)) as (server, port),
        connected(port) as (calling, writer_of_calling),
        connected(port) as (listening, writer_of_listening),
        connected(port) as (idle, _),
    ):
        writer_of_calling.write(request(caller.secret))
        writer_of_listening.write(request(caller.secret, b"").replace(b"POST", b"GET"))
        assert b"chunked" in await listening.readuntil(b"\r\n\r\n")
        await until(lambda: len(upstream.requests) == 2)
        stopping = asyncio.create_task(server.stop(drain_s=PATIENCE_S))

        assert await idle.read() == b""
        assert (await listening.read()).endswith(END)
        gate.set()
        got = await read_answer(calling)
        assert (got.status, got.passed, got.headers["connection"]) == (200, RESULT_BODY, "close")
        await stopping
        with suppress(ConnectionRefusedError):
            async with connected(port) as (late, _):
                raise AssertionError(await late.read())


async def test_what_does_not_finish_is_cut_off_and_written_down(open_sqlite_gateway):
    async with (
        Upstream(silence) as upstream,
        open_sqlite_gateway(upstream_url=upstream.url) as caller,
        wire.serving(caller.gateway, None) as (server, port),
        connected(port) as (reader, writer),
    ):
        writer.write(request(caller.secret))
        await until(lambda: upstream.requests)

        await server.stop(drain_s=0.1)

        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        [recorded] = await until(lambda: caller.events)
        assert (recorded.status, recorded.error_class) == ("cancelled", "interrupted")
