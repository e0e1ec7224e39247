import asyncio
import socket
from unittest.mock import Mock

import pytest

from app.gateway.upstream import address
from app.gateway.upstream.connection import Connection
from app.gateway.upstream.exchange import Exchange
from app.gateway.upstream.limits import Limits
from app.gateway.upstream.problems import BadAnswer, BrokeOff, CallerGone, TimedOut, Unreachable
from tests.asynchronous import until
from tests.gateway.upstream_calls import client_with, fetch, pool_of, send
from tests.gateway.upstreams import Upstream, answer, chunk, raw, silence


async def test_answers_are_read_whole_and_the_connection_is_kept():
    async with Upstream(raw(answer(b'{"a":1}'))) as upstream:
        client = client_with()

        first = await fetch(client, upstream.url, body=b'{"hello":1}')
        second = await fetch(client, upstream.url)

        assert first == (200, [(b"content-type", b"application/json"), (b"content-length", b"7")], b'{"a":1}')
        assert second[2] == b'{"a":1}'
        assert upstream.connections == 1
        assert upstream.requests[0].body == b'{"hello":1}'


@pytest.mark.parametrize(
    ("pieces", "body"),
    [
        ([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", chunk(b"ab"), chunk(b"cd"), b"0\r\n\r\n"], b"abcd"),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], b""),
        ([b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n", answer(b"ok")], b"ok"),
        ([bytes([byte]) for byte in answer(b"slow but sure")], b"slow but sure"),
        ([b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"], b""),
    ],
    ids=["chunked", "204", "1xx", "byte by byte", "empty"],
)
async def test_every_framing_is_understood_and_the_connection_kept(pieces, body):
    async with Upstream(raw(*pieces)) as upstream:
        client = client_with()

        results = [await fetch(client, upstream.url) for _ in range(2)]

        assert [result[2] for result in results] == [body, body]
        assert all(b"link" not in dict(result[1]) for result in results)
        assert upstream.connections == 1


async def test_an_answer_without_length_ends_with_the_connection():
    async with Upstream(raw(b"HTTP/1.1 200 OK\r\n\r\nall ", b"of it", then_close=True)) as upstream:
        assert (await fetch(client_with(), upstream.url))[2] == b"all of it"


@pytest.mark.parametrize(
    "reply",
    [
        answer(b"ok", more="connection: close\r\n"),
        answer(b"ok", more="keep-alive: timeout=1\r\n"),
        answer(b"ok") + b"HTTP/1.1 200 OK\r\n\r\nnobody asked",
    ],
    ids=["close", "short keep-alive", "surplus"],
)
async def test_connections_that_may_not_be_reused_are_not(reply):
    async with Upstream(raw(reply)) as upstream:
        client = client_with()

        assert [(await fetch(client, upstream.url))[2] for _ in range(2)] == [b"ok", b"ok"]
        assert upstream.connections == 2


async def test_a_connection_is_not_kept_while_its_request_is_still_being_sent():
    async def answers_early(request, reader, writer):
        writer.write(answer(b"too much"))
        await silence(request, reader, writer)

    async with Upstream(answers_early, reads_bodies=False) as upstream:
        client = client_with()

        assert (await fetch(client, upstream.url, body=bytes(16 << 20)))[2] == b"too much"
        assert not pool_of(client)._idle


@pytest.mark.parametrize(
    "reply",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"a" * 100_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 5_000,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    ],
    ids=["not HTTP", "endless head", "endless 1xx", "gzip", "upgrade", "two lengths"],
)
async def test_what_is_not_a_plain_answer_is_refused(reply):
    async with Upstream(raw(reply)) as upstream:
        with pytest.raises(BadAnswer):
            await fetch(client_with(), upstream.url)


async def test_trailers_without_end_are_refused():
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunk(b"a")
    async with Upstream(raw(head, b"0\r\nx: ", *[b"a" * 10_000] * 20)) as upstream:
        with pytest.raises(BadAnswer):
            await fetch(client_with(), upstream.url)


@pytest.mark.parametrize(
    "reply",
    [b"", b"HTTP/1.1 200 OK\r\ncontent-le", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"],
    ids=["nothing", "half a head", "half a body"],
)
async def test_an_upstream_that_hangs_up_early_broke_off(reply):
    async with Upstream(raw(reply, then_close=True)) as upstream:
        with pytest.raises(BrokeOff):
            await fetch(client_with(), upstream.url)


@pytest.mark.parametrize(
    ("script", "limits"),
    [
        (silence, {"answer_s": 0.1}),
        (raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", b"half"), {"idle_s": 0.1}),
        (silence, {"total_s": 0.1}),
    ],
    ids=["first byte", "silence", "total"],
)
async def test_limits_of_time_end_the_call_and_the_connection(script, limits):
    async with Upstream(script) as upstream:
        with pytest.raises(TimedOut):
            await fetch(client_with(**limits), upstream.url)

        await until(upstream.hung_up.is_set)


class LoopOfOurs:
    """As much of an event loop as an exchange asks for, with a clock that the test moves."""

    def __init__(self):
        self._now = 0.0
        self._timers = []

    def time(self):
        return self._now

    def call_at(self, when, callback):
        timer = Mock(when=when, callback=callback)
        timer.cancel = lambda: timer in self._timers and self._timers.remove(timer)
        self._timers.append(timer)
        return timer

    def move(self, by_s):
        self._now += by_s
        for timer in [timer for timer in self._timers if timer.when <= self._now]:
            self._timers.remove(timer)
            timer.callback()


async def test_a_stream_that_keeps_talking_is_not_idle():
    loop = LoopOfOurs()
    exchange = Exchange(loop, Limits(connect_s=1, answer_s=1, idle_s=1, total_s=100))
    connection = Connection(loop, outbox=Mock(), on_free=Mock(), on_lost=Mock())
    connection.connection_made(Mock())
    connection.carry(exchange, b"", b"")
    exchange.feed(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")

    for _ in range(6):
        loop.move(0.9)
        exchange.feed(chunk(b"."))
    assert await exchange.read() == b"......"

    loop.move(1.1)
    with pytest.raises(TimedOut):
        await exchange.read()


async def test_connecting_has_its_own_limit():
    async with Upstream(silence) as upstream:
        with pytest.raises(TimedOut):
            await fetch(client_with(connect_s=0.1), upstream.url.replace("http:", "https:"))


@pytest.mark.parametrize("host", ["127.0.0.1", "a" * 64 + ".example"])
async def test_an_address_where_nobody_is_is_unreachable(host):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    with pytest.raises(Unreachable):
        await fetch(client_with(), f"http://{host}:{port}/")


async def test_tls_is_verified_and_its_connection_kept(certificate, monkeypatch):
    async with Upstream(raw(answer(b"sealed")), tls=certificate.server_context()) as upstream:
        with pytest.raises(Unreachable):
            await fetch(client_with(), upstream.url)
        before = upstream.connections
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
        client = client_with()

        assert [(await fetch(client, upstream.url))[2] for _ in range(2)] == [b"sealed", b"sealed"]
        assert upstream.connections == before + 1


async def test_t19_a_slow_reader_slows_the_upstream_down():
    sent = 0

    async def torrent(request, reader, writer):
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (64 << 20))
        for _ in range(1024):
            writer.write(bytes(64 << 10))
            await writer.drain()
            sent += 64 << 10

    async with Upstream(torrent) as upstream:
        client = client_with()
        exchange = client.exchange()
        await send(client, exchange, upstream.url)
        await until(lambda: exchange._is_paused)

        assert exchange._buffered < 1 << 20
        assert sent < 24 << 20  # what the kernel's buffers hold, and a little of ours

        total = 0
        while piece := await exchange.read():
            total += len(piece)
        assert total == 64 << 20


async def test_closing_an_unfinished_exchange_aborts_the_upstream_call():
    async with Upstream(silence) as upstream:
        client = client_with()
        exchange = client.exchange()
        call = asyncio.create_task(send(client, exchange, upstream.url))
        await until(lambda: upstream.requests)

        exchange.fail(CallerGone())

        with pytest.raises(CallerGone):
            await call
        await until(upstream.hung_up.is_set)


async def test_a_caller_that_left_while_we_connected_is_not_served():
    async with Upstream(raw(answer(b"ok"))) as upstream:
        client = client_with()
        await fetch(client, upstream.url)
        exchange = client.exchange()
        exchange.fail(CallerGone())

        with pytest.raises(CallerGone):
            await send(client, exchange, upstream.url)

        assert len(upstream.requests) == 1
        await fetch(client, upstream.url)
        assert upstream.connections == 1


@pytest.mark.parametrize("url", ["ftp://a/", "http:///x", "http://a/b c", "http://a/\u00e9", "http://a:99999/", "/x"])
def test_odd_addresses_are_refused(url):
    with pytest.raises(ValueError):  # noqa: PT011  (urlsplit and we raise it with different words)
        address.parse(url)


@pytest.mark.parametrize(
    ("url", "target", "host_header", "port"),
    [
        ("http://a.example", b"/", b"a.example", 80),
        ("https://a.example:8443/mcp?v=1#x", b"/mcp?v=1", b"a.example:8443", 8443),
        ("https://[::1]/mcp", b"/mcp", b"[::1]", 443),
    ],
)
def test_addresses_are_taken_apart_once(url, target, host_header, port):
    found = address.parse(url)

    assert (found.target, found.host_header, found.origin.port) == (target, host_header, port)
