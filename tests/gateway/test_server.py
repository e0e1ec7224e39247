"""On the wire: what is not HTTP, heads without end, bodies too large, and readers who do not read."""

import asyncio
import json
from contextlib import suppress

import pytest

from app.gateway.server.limits import Limits
from app.integrations import snippets
from app.integrations.models import Integration
from tests.asynchronous import until
from tests.gateway.processes import read_answer
from tests.gateway.upstreams import answer, raw, silence
from tests.gateway.wire import BODY, RESULT_BODY, connected, request
from tests.waiting import PATIENCE_S


async def test_a_connection_serves_call_after_call(open_server):
    async with open_server() as (caller, _, port), connected(port) as (reader, writer):
        for _ in range(3):
            writer.write(request(caller.secret))
            got = await read_answer(reader)
            assert (got.status, got.passed) == (200, RESULT_BODY)
            assert "server" not in got.headers

        assert len(caller.events) == 3


async def test_a_call_is_made_again_as_its_page_says(open_server, monkeypatch):
    sampler = Integration(slug="sampler", example_tool="greet", example_arguments='{"name": "Ada"}')
    said_first = raw(answer(RESULT_BODY.replace(b'"id": 7', b'"id": 1')))
    async with open_server(said_first) as (caller, _, port):
        line = snippets.again(sampler, "greet", definition="", gateway_url=f"http://127.0.0.1:{port}")
        monkeypatch.setenv("POSTERN_KEY", caller.secret)

        curl = await asyncio.create_subprocess_shell(f"{line} -sS --fail-with-body", stdout=asyncio.subprocess.PIPE)
        said, _ = await asyncio.wait_for(curl.communicate(), PATIENCE_S)

        assert json.loads(said)["result"]["content"] == json.loads(RESULT_BODY)["result"]["content"]
        assert [event.status for event in caller.events] == ["ok"]
        assert caller.secret not in line


async def test_requests_sent_ahead_are_answered_in_order(open_server):
    async with open_server() as (caller, upstream, port), connected(port) as (reader, writer):
        writer.write(request(caller.secret) * 5)

        answers = [await read_answer(reader) for _ in range(5)]

        assert len({got.headers["postern-receipt"] for got in answers}) == 5
        assert len(upstream.requests) == 5


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"HELLO\r\n\r\n",
        b"GET /healthz SPDY/9\r\n\r\n",
        b"POST /mcp/sampler HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST /mcp/sampler HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /mcp/sampler HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST /mcp/sampler HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /mcp/sampler HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000,
        b"GET /" + b"a" * 100_000,
    ],
)
async def test_what_is_not_one_clear_request_is_answered_and_closed(open_server, data):
    async with open_server() as (caller, upstream, port):
        async with connected(port) as (reader, writer):
            writer.write(data)
            got = await read_answer(reader)
            assert got.status in (400, 401)
            assert got.json["error"]["message"]
        async with connected(port) as (reader, writer):
            writer.write(request(caller.secret))
            assert (await read_answer(reader)).status == 200
        assert len(upstream.requests) == 1


@pytest.mark.parametrize("how", ["with a length", "in chunks"])
async def test_ten_megabytes_are_refused_and_the_sender_can_read_why(open_server, how):
    big = b" " * (10 << 20)
    async with open_server() as (caller, upstream, port), connected(port) as (reader, writer):
        if how == "in chunks":
            head = request(caller.secret, b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
            writer.write(head + b"%x\r\n" % len(big) + big + b"\r\n0\r\n\r\n")
        else:
            writer.write(request(caller.secret, big))
        await writer.drain()
        got = await read_answer(reader)

        assert (got.status, got.json["error"]["code"]) == (413, -31413)
        assert got.headers["connection"] == "close"
        assert upstream.requests == []


async def test_a_client_that_asks_first_is_told_before_it_sends(open_server):
    async with open_server() as (caller, _, port), connected(port) as (reader, writer):
        writer.write(request(caller.secret, b"", length=10 << 20, more="Expect: 100-continue\r\n"))

        assert (await read_answer(reader)).status == 413


async def test_a_client_that_asks_first_may_send(open_server):
    async with open_server() as (caller, _, port), connected(port) as (reader, writer):
        writer.write(request(caller.secret, b"", length=len(BODY), more="Expect: 100-continue\r\n"))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(BODY)

        assert (await read_answer(reader)).passed == RESULT_BODY


async def test_a_body_that_does_not_come_is_given_up(open_server):
    async with open_server(body_timeout_s=0.2) as (caller, _, port), connected(port) as (reader, writer):
        writer.write(request(caller.secret, b'{"jsonrpc"', length=500))

        got = await read_answer(reader)

        assert (got.status, got.json["error"]["code"]) == (408, -31408)
        assert await reader.read() == b""


@pytest.mark.parametrize("sent", [b"", b"POST /mcp/sam", b"GET /healthz HTTP/1.1\r\nHost: x\r\n"])
async def test_a_head_that_does_not_come_is_given_up(open_server, sent):
    async with open_server(limits=Limits(head_s=0.2)) as (_, _, port), connected(port) as (reader, writer):
        writer.write(sent)

        with suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""


async def test_a_slow_second_head_is_given_up_too(open_server):
    limits = Limits(head_s=PATIENCE_S)
    async with open_server(limits=limits) as (caller, _, port), connected(port) as (reader, writer):
        writer.write(request(caller.secret))
        assert (await read_answer(reader)).status == 200
        limits.head_s = 0.2
        writer.write(b"POST /mcp/sam")

        with suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""


async def test_a_waiting_caller_is_not_given_up(open_server):
    limits = Limits(head_s=PATIENCE_S)

    async def slowly(request, reader, writer):
        limits.head_s = limits.keep_alive_s = 0.1
        await asyncio.sleep(0.6)
        writer.write(answer(RESULT_BODY))

    async with open_server(slowly, limits=limits) as (caller, _, port), connected(port) as (reader, writer):
        writer.write(request(caller.secret))

        assert (await read_answer(reader)).passed == RESULT_BODY


async def test_a_reader_who_does_not_read_holds_nothing_for_long(open_server):
    sent = 0

    async def torrent(request, reader, writer):
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        while True:
            writer.write(b"data: " + b"x" * 60_000 + b"\n\n")
            await writer.drain()
            sent += 60_000

    async with (
        open_server(torrent, limits=Limits(stall_s=0.3)) as (caller, upstream, port),
        connected(port) as (_, writer),
    ):
        writer.transport.pause_reading()
        writer.write(request(caller.secret))
        await until(upstream.hung_up.is_set)

        assert sent < 64 << 20
        [event] = await until(lambda: caller.events)
        assert event.status == "cancelled"


async def test_hanging_up_is_noticed_on_the_wire(open_server):
    async with open_server(silence) as (caller, upstream, port):
        async with connected(port) as (_, writer):
            writer.write(request(caller.secret))
            await until(lambda: upstream.requests)
        await until(upstream.hung_up.is_set)

        assert [event.status for event in await until(lambda: caller.events)] == ["cancelled"]


async def test_an_answer_that_is_cut_off_looks_cut_off(open_server):
    body = json.dumps({"jsonrpc": "2.0", "id": 7, "result": {"content": "x" * 500_000}}).encode()
    async with (
        open_server(raw(answer(body)[:-1000], then_close=True)) as (caller, _, port),
        connected(port) as (reader, writer),
    ):
        writer.write(request(caller.secret))

        with pytest.raises(asyncio.IncompleteReadError):
            await read_answer(reader)
