"""What travels through the gateway and what does not, in both directions."""

from app.gateway import passing
from app.gateway.upstream import address
from tests.gateway.gateways import LIST
from tests.gateway.upstreams import Upstream, answer, raw

BODY = b'{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}'


async def test_only_what_the_protocol_needs_goes_in(open_sqlite_gateway):
    asked = [
        ("MCP-Protocol-Version", "2025-11-25"),
        ("Mcp-Method", "prompts/list"),
        ("Mcp-Param-Region", "eu"),
        ("Last-Event-ID", "4"),
        ("Traceparent", "00-1-2-01"),
        ("Tracestate", "a=b"),
        ("User-Agent", "tests/1"),
    ]
    left_out = [
        ("Cookie", "a=b"),
        ("X-Forwarded-For", "10.0.0.1"),
        ("Forwarded", "for=10.0.0.1"),
        ("Connection", "keep-alive, X-Secret"),
        ("X-Secret", "1"),
        ("Te", "trailers"),
        ("Accept-Encoding", "gzip"),
        ("X-Request-Id", "from outside"),
        ("Expect", "100-continue"),
    ]
    async with Upstream(raw(answer(BODY))) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call(LIST, headers=caller.usual(*asked, *left_out))

        [request] = upstream.requests
        expected = {name.lower(): value for name, value in asked}
        expected |= {
            "host": f"127.0.0.1:{upstream.port}",
            "accept": "application/json, text/event-stream",
            "content-type": "application/json",
            "accept-encoding": "identity",
            "content-length": str(len(request.body)),
            "x-request-id": got.header("postern-request-id"),
        }
        assert dict(request.headers) == expected
        assert len(request.headers) == len(expected)


async def test_only_what_the_caller_needs_comes_back(open_sqlite_gateway):
    more = (
        "MCP-Something-New: 1\r\ncache-control: max-age=5\r\nserver: x\r\nset-cookie: a=b\r\n"
        "x-powered-by: y\r\naccess-control-allow-origin: *\r\nconnection: close\r\nlocation: /\r\n"
    )
    async with (
        Upstream(raw(answer(BODY, more=more))) as upstream,
        open_sqlite_gateway(upstream_url=upstream.url) as caller,
    ):
        got = await caller.call(LIST)

        assert dict(got.headers) == {
            "content-type": "application/json",
            "content-length": str(len(BODY)),
            "mcp-something-new": "1",
            "cache-control": "max-age=5",
            "x-content-type-options": "nosniff",
            "postern-request-id": got.header("postern-request-id"),
        }


async def test_answers_are_not_cached_unless_the_integration_says_so(open_sqlite_gateway):
    async with Upstream(raw(answer(BODY))) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        assert (await caller.call(LIST)).header("cache-control") == "no-store"


async def test_a_callers_query_stays_here_and_the_routes_own_is_kept(open_sqlite_gateway):
    async with Upstream(raw(answer(BODY))) as upstream:
        async with open_sqlite_gateway(upstream_url=upstream.url + "?tenant=1") as caller:
            await caller.call(LIST, query=b"debug=1")

        assert upstream.requests[0].target == "/mcp?tenant=1"


def test_a_head_is_written_line_by_line():
    head = passing.request_head(
        "POST",
        address.parse("https://a.example/mcp"),
        {b"mcp-name": b"x", b"authorization": b"Bearer secret"},
        request_id="req_1",
        length=5,
    )

    assert head == (
        b"POST /mcp HTTP/1.1\r\nhost: a.example\r\naccept-encoding: identity\r\nx-request-id: req_1\r\n"
        b"mcp-name: x\r\ncontent-length: 5\r\n\r\n"
    )
