"""A client with sessions uses an integration that only knows 2026-07-28."""

import asyncio
import json

import pytest

from tests.asynchronous import until
from tests.gateway.eras.servers import HELLO, LIST, META, MODERN, events_of, knows, response
from tests.gateway.gateways import CALL
from tests.gateway.upstreams import Upstream

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {"elicitation": {}},
        "clientInfo": {"name": "tests", "version": "1"},
    },
}
ELICIT = {"method": "elicitation/create", "params": {"mode": "form", "message": "Your name?", "requestedSchema": {}}}


async def greets(request, reader, writer):
    writer.write(response(request, {"resultType": "complete", **HELLO}))


async def asks_first(request, reader, writer):
    """Wants a name before it greets."""
    params = request.message["params"]
    if "inputResponses" not in params:
        wanted = {"resultType": "input_required", "inputRequests": {"who": ELICIT}, "requestState": "s1"}
        writer.write(response(request, wanted))
    else:
        assert params["requestState"] == "s1"
        name = params["inputResponses"]["who"]["content"]["name"]
        writer.write(
            response(request, {"resultType": "complete", "content": [{"type": "text", "text": f"Hi, {name}"}]})
        )


async def begin(caller, message=INITIALIZE, path="/mcp/sampler"):
    got = await caller.call(message, path=path)
    assert got.status == 200
    return got, ("Mcp-Session-Id", got.header("mcp-session-id"))


async def test_the_gateway_shakes_hands_for_it(open_sqlite_gateway):
    async with Upstream(greets) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await knows(caller, MODERN)
        got, session = await begin(caller)
        free = [
            {"jsonrpc": "2.0", "method": "notifications/initialized"},
            {"jsonrpc": "2.0", "id": 2, "method": "ping"},
            {"jsonrpc": "2.0", "id": 3, "method": "logging/setLevel", "params": {"level": "info"}},
        ]
        answers = [await caller.call(message, headers=caller.usual(session)) for message in free]
        ended = await caller.call(method="DELETE", headers=caller.usual(session))
        listening = await caller.call(method="GET", headers=caller.usual(session))

        assert got.json["result"]["protocolVersion"] == "2025-06-18"
        assert got.json["result"]["capabilities"] == {"tools": {}}
        assert got.json["result"]["serverInfo"] == {"name": "sampler"}
        assert [one.status for one in answers] == [202, 200, 200]
        assert [ended.status, listening.status] == [405, 405]
        assert upstream.requests == []


async def test_a_call_goes_out_in_the_integrations_era_and_is_recorded_once(open_gateway):
    async with Upstream(greets) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        await knows(caller, MODERN)
        _, session = await begin(caller)
        message = {**CALL, "params": {**CALL["params"], "_meta": {"progressToken": 5}}}
        got = await caller.call(message, headers=caller.usual(session))

        assert got.json["id"] == 7
        assert got.json["result"]["content"] == HELLO["content"]
        assert len(caller.events) == 1
        assert got.header("postern-receipt").startswith(caller.events[0].id)
        [request] = upstream.requests
        meta = request.message["params"]["_meta"]
        assert meta[META + "protocolVersion"] == request.header("mcp-protocol-version") == MODERN
        assert meta[META + "clientCapabilities"] == {"elicitation": {}}
        assert meta[META + "clientInfo"] == {"name": "tests", "version": "1"}
        assert meta["progressToken"] == 5
        assert request.header("mcp-method") == "tools/call"
        assert request.header("mcp-name") == "greet"
        assert request.header("mcp-session-id") is None


async def test_arguments_are_mirrored_as_the_approved_schema_wants(open_sqlite_gateway, sqlite_engine, now):
    from sqlmodel import Session

    from tests.factories import Factory

    async with Upstream(greets) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        with Session(sqlite_engine) as session:
            make = Factory(session, now)
            schema = {"type": "object", "properties": {"name": {"type": "string", "x-mcp-header": "Name"}}}
            integration = make.integration("mirror", upstream_url=upstream.url, tools=())
            make.tool(integration, "greet", inputSchema=schema)
            session.commit()
        await knows(caller, MODERN, slug="mirror")
        await caller.call({**CALL, "params": {"name": "greet", "arguments": {"name": "Ädä"}}}, path="/mcp/mirror")

        assert upstream.requests[0].header("mcp-param-name") == "=?base64?w4Rkw6Q=?="


async def test_lists_come_in_the_callers_form(open_sqlite_gateway):
    async with Upstream(greets) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await knows(caller, MODERN)
        _, session = await begin(caller)
        got = await caller.call(LIST, headers=caller.usual(session))

        assert {tool["name"] for tool in got.json["result"]["tools"]} == {"greet", "slow"}
        assert "resultType" not in got.json["result"]


async def test_input_that_is_required_is_asked_for_and_the_answer_is_one_call(open_gateway):
    async with Upstream(asks_first) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        await knows(caller, MODERN)
        _, session = await begin(caller)
        calling = caller.start(CALL, headers=caller.usual(session))
        await until(lambda: calling.answer.pieces)
        [question] = events_of(calling.answer.body)
        assert question["method"] == "elicitation/create"
        assert question["params"] == ELICIT["params"]

        said = {"jsonrpc": "2.0", "id": question["id"], "result": {"action": "accept", "content": {"name": "Grace"}}}
        accepted = await caller.call(said, headers=caller.usual(session))
        got = await calling.finished()

        assert accepted.status == 202
        last = events_of(got.body)[-1]
        assert last["id"] == 7
        assert last["result"]["content"] == [{"type": "text", "text": "Hi, Grace"}]
        assert [event.units for event in caller.events] == [1]
        assert len(upstream.requests) == 2


async def test_t6_another_key_cannot_answer_for_the_caller(open_gateway, make):
    secrets = []
    make.key(secret=secrets)
    async with Upstream(asks_first) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        await knows(caller, MODERN)
        _, session = await begin(caller)
        calling = caller.start(CALL, headers=caller.usual(session))
        await until(lambda: calling.answer.pieces)
        [question] = events_of(calling.answer.body)
        said = {"jsonrpc": "2.0", "id": question["id"], "result": {"action": "accept", "content": {"name": "Eve"}}}
        own, caller.secret = caller.secret, secrets[0]
        stolen = await caller.call(said, headers=caller.usual(session))
        _, foreign = await begin(caller)
        unheard = await caller.call(said, headers=caller.usual(foreign))
        caller.secret = own

        assert stolen.status == 404
        assert unheard.status == 202
        assert not calling.answer.is_complete
        calling.hang_up()
        await calling.finished()


async def test_a_client_that_takes_no_questions_gets_an_error_and_pays_nothing(open_gateway):
    async with Upstream(asks_first) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        await knows(caller, MODERN)
        plain = {**INITIALIZE, "params": {**INITIALIZE["params"], "capabilities": {}}}
        _, session = await begin(caller, plain)
        got = await caller.call(CALL, headers=caller.usual(session))

        assert got.error["data"]["reason"] == "bad_answer"
        assert [event.units for event in caller.events] == [0]


async def test_hanging_up_while_being_asked_ends_the_call(open_sqlite_gateway):
    async with Upstream(asks_first) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await knows(caller, MODERN)
        _, session = await begin(caller)
        calling = caller.start(CALL, headers=caller.usual(session))
        await until(lambda: calling.answer.pieces)
        calling.hang_up()
        await asyncio.wait_for(calling.finished(), 60)

        await until(lambda: caller.events)
        assert caller.events[0].status == "cancelled"
        await until(lambda: not caller.gateway.parts.desk._questions._open)


async def test_t21_a_page_that_is_not_of_the_web_is_not_shown(open_sqlite_gateway):
    async def lures(request, reader, writer):
        bad = {"method": "elicitation/create", "params": {"mode": "url", "url": "javascript:alert(1)", "message": "!"}}
        writer.write(response(request, {"resultType": "input_required", "inputRequests": {"a": bad}}))

    async with Upstream(lures) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await knows(caller, MODERN)
        _, session = await begin(caller)
        got = await caller.call(CALL, headers=caller.usual(session))

        assert b"javascript" not in got.body
        assert got.error["data"]["reason"] == "bad_answer"


@pytest.mark.parametrize("asked", ["2026-07-28", "2031-01-01", None, 7])
async def test_a_revision_that_is_not_by_handshake_is_answered_with_the_newest_that_is(open_sqlite_gateway, asked):
    async with Upstream(greets) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await knows(caller, MODERN)
        message = {**INITIALIZE, "params": {**INITIALIZE["params"], "protocolVersion": asked}}
        got, _ = await begin(caller, message)

        assert got.json["result"]["protocolVersion"] == "2025-11-25"


async def test_what_a_client_says_of_itself_is_kept_small(open_sqlite_gateway):
    async with Upstream(greets) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await knows(caller, MODERN)
        large = {"elicitation": {}, "experimental": {"x": "y" * 100_000}}
        _, session = await begin(caller, {**INITIALIZE, "params": {**INITIALIZE["params"], "capabilities": large}})
        await caller.call(CALL, headers=caller.usual(session))

        assert len(session[1]) < 4_000
        meta = upstream.requests[0].message["params"]["_meta"]
        assert json.dumps(meta[META + "clientCapabilities"]) == '{"elicitation": {}, "experimental": {}}'
