"""A client of 2026-07-28 uses an integration that only knows sessions."""

import asyncio

import pytest

from tests.asynchronous import until
from tests.gateway.eras.servers import (
    HANDSHAKE,
    HELLO,
    META,
    OldServer,
    ask_modern,
    event,
    events_of,
    knows,
    modern,
    modern_headers,
    response,
    stream_head,
)
from tests.gateway.upstreams import Upstream

ELICIT = {"mode": "form", "message": "Your name?", "requestedSchema": {"type": "object", "properties": {}}}


async def asks_a_name(server, request, writer):
    """Asks for a name on the stream of the answer, and greets whoever that is."""
    writer.write(stream_head())
    writer.write(event({"jsonrpc": "2.0", "id": 1, "method": "elicitation/create", "params": ELICIT}))
    await writer.drain()
    said = await server.asked_back.get()
    text = said["result"]["content"]["name"] if "result" in said else "nobody"
    result = {"content": [{"type": "text", "text": f"Hello, {text}"}]}
    writer.write(event({"jsonrpc": "2.0", "id": request.message["id"], "result": result}))
    writer.close()


async def test_a_call_is_answered_in_the_callers_era_and_recorded_once(open_gateway):
    server = OldServer()
    async with Upstream(server) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        await knows(caller, HANDSHAKE)
        got = await ask_modern(caller, modern())

        assert got.json["id"] == 7
        assert got.json["result"]["resultType"] == "complete"
        assert got.json["result"]["content"] == HELLO["content"]
        assert got.header("postern-receipt").startswith(caller.events[0].id)
        assert got.header("mcp-session-id") is None
        assert [one.tool for one in caller.events] == ["greet"]
        call = upstream.requests[2]
        assert call.header("mcp-session-id") == "old-1"
        assert call.header("mcp-protocol-version") == HANDSHAKE
        assert call.header("mcp-method") is None
        assert call.header("mcp-name") is None
        assert "_meta" not in call.message["params"]
        assert call.header("authorization") is None


async def test_a_retry_is_answered_as_the_first_try_was(open_gateway):
    server = OldServer()
    async with Upstream(server) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        await knows(caller, HANDSHAKE)
        message = modern()
        headers = [*modern_headers(caller, message), ("Idempotency-Key", "order 7")]
        first = await caller.call(message, headers=headers)
        again = await caller.call(message, headers=headers)

        assert again.json["result"]["content"] == first.json["result"]["content"] == HELLO["content"]
        assert again.json["result"]["resultType"] == "complete"
        assert len(caller.events) == 1


async def test_one_session_serves_many_calls_and_is_ended_with_the_gateway(open_sqlite_gateway):
    server = OldServer()
    async with Upstream(server) as upstream:
        async with open_sqlite_gateway(upstream_url=upstream.url) as caller:
            await knows(caller, HANDSHAKE)
            got = await asyncio.gather(*[ask_modern(caller, modern(message_id=number)) for number in range(20)])

            assert [one.json["id"] for one in got] == list(range(20))
            assert all(one.json["result"]["resultType"] == "complete" for one in got)
            assert server.sessions == 1
        await until(lambda: server.ended == 1)


async def test_a_session_that_has_ended_is_begun_anew_without_a_word(open_sqlite_gateway):
    server = OldServer()
    async with Upstream(server) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await knows(caller, HANDSHAKE)
        await ask_modern(caller, modern())
        server.is_forgetful = True
        got = await ask_modern(caller, modern())

        assert got.json["result"]["content"] == HELLO["content"]
        assert len(caller.events) == 2


async def test_discovery_is_answered_from_what_is_known(open_sqlite_gateway):
    server = OldServer()
    async with Upstream(server) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await knows(caller, HANDSHAKE)
        got = await ask_modern(caller, modern("server/discover"))

        result = got.json["result"]
        assert result["supportedVersions"][0] == "2026-07-28"
        assert result["capabilities"] == {"tools": {}}
        assert result["cacheScope"] == "private"
        assert result["_meta"][META + "serverInfo"] == {"name": "sampler"}
        assert upstream.requests == []


@pytest.mark.parametrize("method", ["ping", "initialize", "logging/setLevel", "subscriptions/listen"])
async def test_what_the_era_has_not_or_a_kept_session_cannot_promise_is_unknown(open_sqlite_gateway, method):
    async with Upstream(OldServer()) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await knows(caller, HANDSHAKE)
        got = await ask_modern(caller, modern(method))

        assert got.status == 404
        assert got.error["code"] == -32601


async def test_progress_passes_and_the_answer_ends_the_stream(open_sqlite_gateway):
    note = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "progress": 1}}

    async def counts(server, request, writer):
        writer.write(stream_head() + event(note))
        writer.write(event({"jsonrpc": "2.0", "id": request.message["id"], "result": HELLO}))
        writer.close()

    async with Upstream(OldServer(counts)) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await knows(caller, HANDSHAKE)
        got = await ask_modern(caller, modern())

        first, last = events_of(got.body)
        assert first == note
        assert last["id"] == 7
        assert last["result"]["resultType"] == "complete"
        assert last["result"]["_meta"]["postern/receipt"].startswith(caller.events[0].id)


async def test_a_question_of_the_integration_becomes_input_that_is_required(open_gateway):
    server = OldServer(asks_a_name)
    async with Upstream(server) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        await knows(caller, HANDSHAKE)
        asked = (await ask_modern(caller, modern(capabilities={"elicitation": {}}))).json["result"]
        assert asked["resultType"] == "input_required"
        [(key, wanted)] = asked["inputRequests"].items()
        assert wanted == {"method": "elicitation/create", "params": ELICIT}
        assert caller.events == []

        answers = {key: {"action": "accept", "content": {"name": "Grace"}}}
        more = {"inputResponses": answers, "requestState": asked["requestState"]}
        got = await ask_modern(caller, modern(message_id=8, capabilities={"elicitation": {}}, **more))

        assert got.json["id"] == 8
        assert got.json["result"]["content"][0]["text"] == "Hello, Grace"
        assert [event.units for event in caller.events] == [1]


async def test_a_question_that_the_client_does_not_take_is_answered_for_it(open_sqlite_gateway):
    server = OldServer(asks_a_name)
    async with Upstream(server) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await knows(caller, HANDSHAKE)
        got = await ask_modern(caller, modern())

        assert got.json["result"]["content"][0]["text"] == "Hello, nobody"


async def test_t7_work_that_waits_is_not_for_another_key(open_gateway, make):
    secrets = []
    make.key(secret=secrets)
    server = OldServer(asks_a_name)
    async with Upstream(server) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        await knows(caller, HANDSHAKE)
        asked = (await ask_modern(caller, modern(capabilities={"elicitation": {}}))).json["result"]
        more = {"inputResponses": {"1": {"action": "accept"}}, "requestState": asked["requestState"]}
        resumed = modern(capabilities={"elicitation": {}}, **more)
        own, caller.secret = caller.secret, secrets[0]
        stolen = await ask_modern(caller, resumed)
        caller.secret = own
        flipped = await ask_modern(caller, {**resumed, "params": {**resumed["params"], "requestState": "x"}})

        assert stolen.error["code"] == -32602
        assert flipped.error["code"] == -32602
        assert caller.events == []
        assert server.asked_back.empty()


async def test_work_that_nobody_holds_any_more_is_begun_anew(open_sqlite_gateway):
    server = OldServer(asks_a_name)
    async with Upstream(server) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await knows(caller, HANDSHAKE)
        asked = (await ask_modern(caller, modern(capabilities={"elicitation": {}}))).json["result"]
        caller.gateway.parts.desk._questions.close()
        more = {"inputResponses": {"1": {"action": "accept"}}, "requestState": asked["requestState"]}
        got = await ask_modern(caller, modern(capabilities={"elicitation": {}}, **more))

        assert got.error["code"] == -32602
        assert "anew" in got.error["message"]


async def test_an_integration_that_breaks_off_costs_nothing(open_gateway):
    async def breaks_off(server, request, writer):
        writer.write(stream_head())
        writer.close()

    async with Upstream(OldServer(breaks_off)) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        await knows(caller, HANDSHAKE)
        got = await ask_modern(caller, modern())

        assert got.error["data"]["reason"] == "broke_off"
        assert "not charged" in got.error["message"]
        assert [event.units for event in caller.events] == [0]


async def test_hanging_up_ends_the_integrations_work(open_sqlite_gateway):
    async def hangs(server, request, writer):
        writer.write(stream_head())
        await writer.drain()
        await asyncio.Event().wait()

    async with Upstream(OldServer(hangs)) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await knows(caller, HANDSHAKE)
        message = modern()
        request = caller.start(message, headers=modern_headers(caller, message))
        await until(lambda: len(upstream.requests) == 3)
        request.hang_up()
        await request.finished()

        await until(lambda: caller.events)
        assert caller.events[0].status == "cancelled"


async def test_lists_of_prompts_say_that_they_are_the_callers_own(open_sqlite_gateway):
    async def lists(server, request, writer):
        writer.write(response(request, {"prompts": []}))

    async with Upstream(OldServer(lists)) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await knows(caller, HANDSHAKE)
        got = await ask_modern(caller, modern("prompts/list"))

        assert got.json["result"] == {"resultType": "complete", "ttlMs": 0, "cacheScope": "private", "prompts": []}
