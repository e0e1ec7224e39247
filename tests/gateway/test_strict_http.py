"""HTTP that two readers could read differently is refused, and what is unusual but clear is served."""

import json

import pytest

from tests.gateway.gateways import RECEIPT
from tests.gateway.processes import read_answer
from tests.gateway.streams import PROGRESS, event
from tests.gateway.upstreams import answer, raw
from tests.gateway.wire import BODY, RESULT_BODY, connected, request

START = b"POST /mcp/sampler HTTP/1.1\r\nHost: x\r\n"
CHUNKED = START + b"Transfer-Encoding: chunked\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "data",
    [
        b"GET /healthz HTTP/1.1\nHost: x\n\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\nA: b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n Host: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: a\rb\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n",
        b"GET /healthz\r\n\r\n",
        b"GET /healthz#top HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /mcp%2fsampler HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /mcp/%2E./sampler HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /mcp%5Csampler HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /mcp/sampler%00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET ftp://x/healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        CHUNKED + b"Content-Length: 3\r\n\r\n0\r\n\r\n",
        START + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        START + b"Content-Length: 3, 3\r\n\r\nabc",
        START + b"Content-Length: +3\r\n\r\nabc",
        START + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        START + b"Transfer-Encoding: identity\r\n\r\n",
        CHUNKED + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /mcp/sampler HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ids=lambda data: data[:60].decode("latin-1"),
)
async def test_a_head_that_could_be_read_in_two_ways_is_refused_with_a_reference(open_server, data):
    async with open_server() as (_, upstream, port), connected(port) as (reader, writer):
        writer.write(data)

        got = await read_answer(reader)

        assert (got.status, got.headers["connection"], got.headers["cache-control"]) == (400, "close", "no-store")
        reference = got.headers["postern-request-id"]
        assert reference.startswith("req_")
        assert got.json["error"]["data"] == {"reason": "malformed", "requestId": reference}
        assert await reader.read() == b""
        assert upstream.requests == []


@pytest.mark.parametrize(
    "body",
    [
        b"1\na\r\n0\r\n\r\n",
        b"1 \r\na\r\n0\r\n\r\n",
        b"-1\r\na\r\n0\r\n\r\n",
        b"0x1\r\na\r\n0\r\n\r\n",
        b"1\r\nab\r\n0\r\n\r\n",
        b"fffffffffffffffff\r\nab\r\n0\r\n\r\n",
        b"1;a\nb\r\na\r\n0\r\n\r\n",
        b"1;" + b"a" * 1_000_000,
        b"1\r\n{\r\n0\r\n" + b"A: b\r\n" * 100_000,
    ],
    ids=lambda data: data[:20].decode(),
)
async def test_a_body_in_broken_chunks_is_refused_with_a_reference(open_server, body):
    async with open_server() as (caller, upstream, port), connected(port) as (reader, writer):
        head = request(caller.secret, b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        writer.write(head + body)

        got = await read_answer(reader)

        assert (got.status, got.headers["connection"]) == (400, "close")
        assert got.json["error"]["data"]["requestId"] == got.headers["postern-request-id"]
        assert await reader.read() == b""
        assert upstream.requests == []


async def test_garbage_behind_a_request_does_not_touch_its_answer(open_server):
    async with open_server() as (caller, upstream, port), connected(port) as (reader, writer):
        writer.write(request(caller.secret) + b"GARBAGE\r\n\r\n" + request(caller.secret))

        first, second = await read_answer(reader), await read_answer(reader)

        assert (first.status, first.passed) == (200, RESULT_BODY)
        assert second.status == 400
        assert await reader.read() == b""
        assert len(upstream.requests) == 1


async def test_nothing_behind_a_goodbye_is_read(open_server):
    async with open_server() as (caller, upstream, port), connected(port) as (reader, writer):
        writer.write(request(caller.secret, more="Connection: close\r\n") + request(caller.secret))

        got = await read_answer(reader)

        assert (got.status, got.headers["connection"]) == (200, "close")
        assert await reader.read() == b""
        assert len(upstream.requests) == 1


async def test_the_old_http_is_served_and_closed(open_server):
    async with open_server() as (caller, _, port), connected(port) as (reader, writer):
        writer.write(request(caller.secret).replace(b"HTTP/1.1", b"HTTP/1.0"))

        got = await read_answer(reader)

        assert (got.status, got.passed, got.headers["connection"]) == (200, RESULT_BODY, "close")
        assert await reader.read() == b""


async def test_the_old_http_may_ask_to_be_kept(open_server):
    async with open_server() as (caller, _, port), connected(port) as (reader, writer):
        for _ in range(2):
            asked = request(caller.secret, more="Connection: keep-alive\r\n")
            writer.write(asked.replace(b"HTTP/1.1", b"HTTP/1.0"))
            got = await read_answer(reader)
            assert (got.status, got.headers["connection"]) == (200, "keep-alive")


async def test_a_stream_to_the_old_http_ends_with_the_connection(open_server):
    sent = event(PROGRESS) + event(json.loads(RESULT_BODY))
    streaming = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
    async with open_server(raw(streaming + sent, then_close=True)) as (caller, _, port):
        async with connected(port) as (reader, writer):
            asked = request(caller.secret, more="Connection: keep-alive\r\n")
            writer.write(asked.replace(b"HTTP/1.1", b"HTTP/1.0"))
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")

        assert b"transfer-encoding" not in head
        assert b"connection: close" in head
        assert RECEIPT.sub(b"", body) == sent


async def test_a_stream_to_the_old_http_that_breaks_off_is_no_end_in_good_order(open_server):
    body = json.dumps({"jsonrpc": "2.0", "id": 7, "result": {"content": "x" * 500_000}}).encode()
    chunks = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n" % len(
        body
    )
    script = raw(chunks + body[:-1000], then_close=True)
    async with open_server(script) as (caller, _, port), connected(port) as (reader, writer):
        writer.write(request(caller.secret).replace(b"HTTP/1.1", b"HTTP/1.0"))

        with pytest.raises(ConnectionResetError):
            await reader.read()


async def test_a_question_for_the_head_alone_gets_no_body(open_server):
    async with open_server() as (_, _, port), connected(port) as (reader, writer):
        writer.write(HEALTH.replace(b"GET", b"HEAD") + HEALTH)

        head = await reader.readuntil(b"\r\n\r\n")
        got = await read_answer(reader)

        assert b"200 OK" in head
        assert b"content-length: 15" in head
        assert got.json == {"status": "ok"}


async def test_an_answer_without_content_has_no_framing(open_server):
    script = raw(b"HTTP/1.1 204 No Content\r\n\r\n")
    async with open_server(script) as (caller, _, port), connected(port) as (reader, writer):
        writer.write(request(caller.secret, b"").replace(b"POST", b"DELETE"))
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(HEALTH)

        assert head.startswith(b"HTTP/1.1 204 No Content\r\n")
        assert b"content-length" not in head
        assert b"transfer-encoding" not in head
        assert (await read_answer(reader)).status == 200


@pytest.mark.parametrize("to", ["websocket", "h2c"])
async def test_a_wish_for_another_protocol_is_ignored(open_server, to):
    async with open_server() as (caller, upstream, port), connected(port) as (reader, writer):
        wish = f"Connection: Upgrade\r\nUpgrade: {to}\r\n"
        writer.write(
            request(caller.secret, more=wish) + HEALTH.replace(b"\r\n\r\n", f"\r\n{wish}\r\n".encode()) + HEALTH
        )

        answers = [await read_answer(reader) for _ in range(3)]

        assert [got.status for got in answers] == [200] * 3
        assert upstream.requests[0].body == BODY


async def test_an_address_sent_whole_is_understood(open_server):
    async with open_server() as (caller, _, port), connected(port) as (reader, writer):
        writer.write(request(caller.secret).replace(b"/mcp/sampler", b"http://gateway.example/mcp/sampler"))

        assert (await read_answer(reader)).passed == RESULT_BODY


async def test_a_body_in_many_small_chunks_is_put_together(open_server):
    async with open_server(raw(answer(RESULT_BODY))) as (caller, upstream, port), connected(port) as (reader, writer):
        head = request(caller.secret, b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        writer.write(head + b"".join(b"1\r\n%c\r\n" % byte for byte in BODY) + b"0\r\nTrailer-Of: nothing\r\n\r\n")

        assert (await read_answer(reader)).passed == RESULT_BODY
        assert upstream.requests[0].body == BODY
        assert upstream.requests[0].header("trailer-of") is None


async def test_every_answer_carries_the_date(open_server):
    async with open_server() as (_, _, port), connected(port) as (reader, writer):
        writer.write(HEALTH)

        assert (await read_answer(reader)).headers["date"].endswith(" GMT")


async def test_blanks_around_a_value_do_not_count(open_server):
    async with open_server() as (caller, upstream, port), connected(port) as (reader, writer):
        writer.write(request(caller.secret, more="Mcp-Name: \t greet \t\r\n"))

        assert (await read_answer(reader)).status == 200
        assert upstream.requests[0].header("mcp-name") == "greet"
