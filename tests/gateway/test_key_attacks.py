"""Attacks on and with a caller's credential, by their numbers: T5 (it travels on), T9 (DNS rebinding)."""

import json

import pytest

from tests.gateway.gateways import CALL, LIST
from tests.gateway.keyed import said
from tests.gateway.upstreams import Upstream, answer

WHOAMI = {"jsonrpc": "2.0", "id": 7, "result": {"content": [{"type": "text", "text": ""}]}}


async def whoami(request, reader, writer):
    """Answers with all that it was sent, as a curious integration would."""
    seen = {"target": request.target, "headers": request.headers, "body": request.body.decode()}
    result = {"content": [{"type": "text", "text": json.dumps(seen)}]}
    writer.write(answer(json.dumps({**WHOAMI, "result": result}).encode()))


CREDENTIALS = [
    ("Cookie", "postern_session={secret}; other=1"),
    ("X-API-Key", "{secret}"),
    ("Proxy-Authorization", "Bearer {secret}"),
    ("X-Auth-Token", "{secret}"),
    ("X-Forwarded-Access-Token", "{secret}"),
    ("Forwarded", "for=192.0.2.43"),
    ("X-Forwarded-For", "192.0.2.43"),
    ("X-Real-Ip", "192.0.2.43"),
]


@pytest.mark.parametrize("path", ["/mcp/sampler", "/k/sampler/mcp"])
@pytest.mark.parametrize(("method", "message"), [("POST", CALL), ("POST", LIST), ("GET", None), ("DELETE", None)])
async def test_t5_an_integration_never_sees_the_callers_credential(open_sqlite_gateway, path, method, message):
    async with Upstream(whoami) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        more = [(name, value.format(secret=caller.secret)) for name, value in CREDENTIALS]
        got = await caller.call(message or CALL, method=method, path=path, headers=caller.usual(*more))

        [request] = upstream.requests
        assert caller.secret not in repr(request) + got.body.decode()
        assert "192.0.2.43" not in repr(request)
        sent = {name for name, _ in request.headers}
        assert not sent & {"authorization", "cookie", *(name.lower() for name, _ in CREDENTIALS)}


async def test_t5_what_an_integration_sets_for_the_caller_stays_there(open_sqlite_gateway):
    async def sets(request, reader, writer):
        body = json.dumps(WHOAMI).encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        writer.write(
            f'{head}set-cookie: a=b\r\nwww-authenticate: Bearer resource_metadata="https://evil.example"\r\n\r\n'.encode()
            + body
        )

    async with Upstream(sets) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call()

        assert got.status == 200
        assert got.header("set-cookie") is None
        assert got.header("www-authenticate") is None


async def test_t5_an_integrations_own_token_opens_nothing_here(open_sqlite_gateway):
    async with Upstream(whoami) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        for token in ("sk-upstream-0123456789", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"):
            headers = [("Authorization", f"Bearer {token}"), ("Content-Type", "application/json")]

            assert said(await caller.call(headers=headers)) == (401, -31401, "not_a_key")
        assert upstream.requests == []


@pytest.mark.parametrize("path", ["/mcp/sampler", "/k/sampler/mcp", "/k/mcp"])
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://gateway.example.evil.example", "", "file://"]
)
async def test_t9_a_page_of_another_site_cannot_call(open_sqlite_gateway, path, origin):
    async with Upstream(whoami) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call(path=path, headers=caller.usual(("Origin", origin)))

        assert said(got) == (403, -31403, "foreign_origin")
        assert not [name for name, _ in got.headers if name.startswith("access-control-")]
        assert upstream.requests == []


@pytest.mark.parametrize("path", ["/mcp/sampler", "/k/sampler/mcp"])
@pytest.mark.parametrize("more", [[], [("Origin", "http://gateway.example")], [("Origin", "http://portal.example")]])
async def test_t9_programs_and_our_own_pages_can(open_sqlite_gateway, path, more):
    async with Upstream(whoami) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        assert (await caller.call(path=path, headers=caller.usual(*more))).status == 200
