"""Whatever is sent gets an answer in the protocol's form: never a 5xx, never silence, and the next caller is served."""

import json

import pytest
from sqlmodel import Session

from app.integrations import queries, services
from tests.asynchronous import until
from tests.gateway.gateways import CALL
from tests.gateway.upstreams import Upstream, answer, raw
from tests.waiting import PATIENCE_S

OK = raw(answer(b'{"jsonrpc":"2.0","id":7,"result":{}}'))
BODY = json.dumps(CALL).encode()


def pieces(*bodies, ends=True):
    more = [{"body": body, "more_body": True} for body in bodies]
    if ends:
        more[-1]["more_body"] = False
    return more


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"body": b"{"}, 400, -32700),
        ({"body": b""}, 400, -32700),
        ({"body": b"\xff\xfe"}, 400, -32700),
        ({"body": b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":NaN}}'}, 400, -32700),
        ({"message": [CALL, CALL]}, 400, -32600),
        ({"body": b"[" * 100_000}, 400, -32600),
        ({"body": b'{"jsonrpc":"2.0","id":7,"method":"ping","method":"tools/call"}'}, 400, -32600),
        ({"message": {**CALL, "id": None}}, 400, -32600),
        ({"message": {**CALL, "params": {}}}, 400, -32602),
        ({"body": b"x" * (5 << 20)}, 413, -31413),
        ({"raw": pieces(*[b" " * (1 << 20)] * 5)}, 413, -31413),
        ({"path": "/mcp/nowhere"}, 404, -31404),
        ({"path": "/mcp/"}, 404, -31404),
        ({"path": "/mcp/sampler/"}, 404, -31404),
        ({"path": "/mcp/sampler/extra"}, 404, -31404),
        ({"path": "/mcps"}, 404, -31404),
        ({"path": "/k/sampler"}, 404, -31404),
        ({"path": "/"}, 404, -31404),
        ({"method": "PUT"}, 405, -32600),
        ({"method": "OPTIONS"}, 405, -32600),
        ({"method": "BREW"}, 405, -32600),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
async def test_what_cannot_be_read_is_refused(open_sqlite_gateway, request_, status, code):
    async with Upstream(OK) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call(**request_)

        assert (got.status, got.is_complete) == (status, True)
        assert (got.json["error"]["code"] if "error" in got.json else code) == code
        assert upstream.requests == []
        assert caller.events == []
        assert (await caller.call()).status == 200


async def test_a_body_that_does_not_end_is_refused(open_sqlite_gateway):
    async with Upstream(OK) as upstream, open_sqlite_gateway(upstream_url=upstream.url, body_timeout_s=0.1) as caller:
        got = await caller.call(raw=pieces(b"{", ends=False))

        assert (got.status, got.error["code"], got.is_complete) == (408, -31408, True)
        assert (upstream.requests, caller.events) == ([], [])


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ([("Content-Type", "text/plain")], 415, -32600),
        ([], 415, -32600),
        ([("Content-Type", "application/json; charset=latin-1")], 415, -32600),
        ([("Content-Type", "application/json"), ("Content-Encoding", "gzip")], 415, -32600),
        ([("Content-Type", "application/json"), ("Content-Type", "application/json")], 400, -32600),
        ([("Content-Type", "application/json"), ("Host", "a"), ("Host", "b")], 400, -32600),
        ([("Content-Type", "application/json"), ("X-API-Key", "a"), ("X-API-Key", "b")], 400, -32600),
        ([("Content-Type", "application/json"), ("Mcp-Name", "a"), ("Mcp-Name", "a")], 400, -32020),
        ([("Content-Type", "application/json"), ("Mcp-Param-X", "a"), ("mcp-param-x", "b")], 400, -32020),
        ([("Content-Type", "application/json"), ("MCP-Protocol-Version", "2026-07-28")], 400, -32020),
        ([("Content-Type", "application/json"), ("Mcp-Method", "ping")], 400, -32020),
        ([("Content-Type", "application/json"), ("Origin", "https://evil.example")], 403, -31403),
        ([("Content-Type", "application/json"), ("Origin", "null")], 403, -31403),
        ([("Content-Type", "application/json"), ("Content-Length", "99999999")], 413, -31413),
    ],
)
async def test_headers_that_mislead_are_refused(open_sqlite_gateway, headers, status, code):
    async with Upstream(OK) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call(headers=[("Authorization", f"Bearer {caller.secret}"), *headers])

        assert (got.status, got.error["code"]) == (status, code)
        assert got.error["message"]
        assert upstream.requests == []


@pytest.mark.parametrize(
    "more",
    [
        [("Origin", "http://gateway.example")],
        [("Origin", "HTTP://Portal.example")],
        [("Accept", "text/event-stream")],
        [("X-Whatever", "1"), ("X-Whatever", "2")],
        [("Mcp-Method", "tools/call"), ("Mcp-Name", "greet"), ("MCP-Protocol-Version", "2026-07-28")],
    ],
)
async def test_what_is_in_order_passes(open_sqlite_gateway, more):
    async with Upstream(OK) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        assert (await caller.call(headers=caller.usual(*more))).status == 200


async def test_a_body_in_pieces_is_put_together(open_sqlite_gateway):
    async with Upstream(OK) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call(raw=pieces(BODY[:10], BODY[10:50], b"", BODY[50:]))

        assert got.status == 200
        assert upstream.requests[0].body == BODY


async def test_a_body_passes_byte_for_byte(open_sqlite_gateway):
    body = b' { "jsonrpc": "2.0","id":7,\t"method":"tools/call", "params":{"name":"greet","arguments":{"x":1.50e1}}}\n'
    async with Upstream(OK) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await caller.call(body=body)

        assert upstream.requests[0].body == body


async def test_a_caller_that_leaves_before_its_body_is_there_is_forgotten(open_sqlite_gateway):
    async with Upstream(OK) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        request = caller.start(raw=pieces(b"{", ends=False))
        request.hang_up()
        got = await request.finished()

        assert got.status == 0
        assert upstream.requests == []


async def test_a_large_body_is_answered_first_and_then_poured_away(open_sqlite_gateway):
    async with open_sqlite_gateway() as caller:
        request = caller.start(
            raw=pieces(b"x" * 100_000, ends=False), headers=caller.usual(("Content-Length", "10000000"))
        )
        await until(lambda: request.answer.pieces)
        assert request.answer.status == 413
        assert request.answer.header("connection") == "close"
        assert not request.answer.is_complete

        request.send_body(b"x" * 100_000)
        assert (await request.finished()).is_complete


async def test_a_switched_off_integration_says_so(open_sqlite_gateway, sqlite_engine, now):
    async with open_sqlite_gateway() as caller:
        with Session(sqlite_engine) as session:
            services.set_enabled(session, integration=queries.by_slug(session, "sampler"), is_enabled=False, now=now)
            session.commit()
        await caller.gateway.parts.feed.catch_up(timeout_s=PATIENCE_S)

        got = await caller.call()

        assert got.status == 404
        assert "switched off" in got.error["message"]


@pytest.mark.parametrize(
    "path",
    ["/.well-known/oauth-protected-resource", "/.well-known/oauth-authorization-server/mcp/sampler", "/favicon.ico"],
)
async def test_nothing_else_is_here_and_that_is_said_as_json(open_sqlite_gateway, path):
    async with open_sqlite_gateway() as caller:
        got = await caller.call(method="GET", path=path, headers=[])

        assert got.status == 404
        assert got.header("content-type") == "application/problem+json"
        assert got.json["reason"] == "wrong_path"
        assert caller.attempts == []


async def test_a_bug_is_logged_and_answered_calmly(open_sqlite_gateway, monkeypatch, caplog):
    async with open_sqlite_gateway() as caller:
        monkeypatch.setattr("app.gateway.app.mirrors.check", lambda headers, message: 1 / 0)

        got = await caller.call()

        assert (got.status, got.error["code"]) == (500, -32603)
        assert got.header("postern-request-id") in got.error["message"]
        assert "ZeroDivisionError" in caplog.text
        assert "ZeroDivisionError" not in got.body.decode()
