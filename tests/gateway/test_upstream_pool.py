"""Kept-alive connections: queued for in order, given back whatever happens, never trusted with a call twice."""

import asyncio

import pytest

from app.gateway.upstream import pool
from app.gateway.upstream.problems import BrokeOff, Busy
from tests.asynchronous import until
from tests.gateway.upstream_calls import client_with, fetch, pool_of
from tests.gateway.upstreams import Upstream, answer, raw, silence


async def test_callers_queue_for_connections_in_order():
    gates = [asyncio.Event() for _ in range(3)]

    async def gated(request, reader, writer):
        await gates[int(request.body)].wait()
        writer.write(answer(request.body))

    async with Upstream(gated) as upstream:
        client = client_with(connections=1)
        calls = [asyncio.create_task(fetch(client, upstream.url, body=b"%d" % number)) for number in range(3)]
        for gate in reversed(gates):
            gate.set()

        assert [result[2] for result in await asyncio.gather(*calls)] == [b"0", b"1", b"2"]
        assert [request.body for request in upstream.requests] == [b"0", b"1", b"2"]
        assert upstream.connections == 1


async def test_the_queue_for_connections_has_an_end():
    async with Upstream(silence) as upstream:
        client = client_with(connections=1)
        holder = asyncio.create_task(fetch(client, upstream.url))
        await until(lambda: upstream.requests)
        pool_of(client)._connect_s = 0.1

        with pytest.raises(Busy):
            await fetch(client, upstream.url)
        holder.cancel()
        await asyncio.gather(holder, return_exceptions=True)


async def test_places_are_given_back_whatever_happens():
    async with Upstream(silence) as upstream:
        client = client_with(connections=2)
        calls = [asyncio.create_task(fetch(client, upstream.url)) for _ in range(6)]
        await until(lambda: len(upstream.requests) == 2)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        upstream.script = raw(answer(b"free again"))

        assert (await fetch(client, upstream.url))[2] != b""
        assert pool_of(client).open_connections <= 2


@pytest.fixture
def closes_kept_connections():
    """Answers the first request of a connection and hangs up on the second."""
    seen = set()

    async def script(request, reader, writer):
        if writer in seen:
            writer.close()
            return
        seen.add(writer)
        writer.write(answer(b"ok"))

    return script


async def test_a_safe_request_is_sent_again_when_the_kept_connection_was_dead(closes_kept_connections):
    async with Upstream(closes_kept_connections) as upstream:
        client = client_with()
        await fetch(client, upstream.url)

        assert (await fetch(client, upstream.url, is_repeatable=True))[2] == b"ok"
        assert upstream.connections == 2


async def test_a_tool_call_is_never_sent_twice(closes_kept_connections):
    async with Upstream(closes_kept_connections) as upstream:
        client = client_with()
        await fetch(client, upstream.url)

        with pytest.raises(BrokeOff):
            await fetch(client, upstream.url, is_repeatable=False)
        assert len(upstream.requests) == 2


async def test_idle_connections_are_closed_by_us_in_time(monkeypatch):
    monkeypatch.setattr(pool, "IDLE_S", 0.05)
    async with Upstream(raw(answer(b"ok"))) as upstream:
        client = client_with()
        await fetch(client, upstream.url)

        await until(upstream.hung_up.is_set)

        await until(lambda: pool_of(client).open_connections == 0)
