"""One address for everything: all tools that a key may use, under names of their own."""

import asyncio

import pytest
from sqlmodel import Session, select

from app.integrations.models import Integration
from tests.asynchronous import until
from tests.factories import Factory
from tests.gateway.eras.servers import (
    HANDSHAKE,
    HELLO,
    LIST,
    MODERN,
    OldServer,
    ask_modern,
    event,
    events_of,
    knows,
    modern,
    response,
    stream_head,
)
from tests.gateway.eras.test_handshake_caller import ELICIT, INITIALIZE, begin, greets
from tests.gateway.gateways import CALL
from tests.gateway.upstreams import Upstream

ALL = "/k/mcp"


def named(name, **more):
    return {**CALL, "params": {"name": name, "arguments": {"name": "Ada"}}, **more}


def add(caller, now, slug, url, tools=("greet", "search")):
    with Session(caller.engine) as session:
        Factory(session, now).integration(slug, upstream_url=url, tools=tools)
        session.commit()


@pytest.mark.parametrize("path", ["/mcp", "/k/mcp"])
async def test_a_client_with_sessions_finds_and_calls_everything(open_gateway, now, path):
    old = OldServer()
    async with Upstream(old) as first, Upstream(greets) as second, open_gateway(upstream_url=first.url) as caller:
        add(caller, now, "other", second.url)
        await knows(caller, HANDSHAKE)
        await knows(caller, MODERN, slug="other")
        got, session = await begin(caller, path=path)
        listed = (await caller.call(LIST, path=path, headers=caller.usual(session))).json["result"]["tools"]
        answers = [
            await caller.call(named(name), path=path, headers=caller.usual(session))
            for name in ("sampler_greet", "other_greet", "other_search")
        ]

        assert got.json["result"]["serverInfo"]["name"] == "Postern"
        assert got.json["result"]["capabilities"] == {"tools": {}}
        assert [tool["name"] for tool in listed] == ["other_greet", "other_search", "sampler_greet", "sampler_slow"]
        assert all(one.json["result"]["content"] == HELLO["content"] for one in answers)
        assert [event.tool for event in caller.events] == ["greet", "greet", "search"]
        assert len({event.integration_id for event in caller.events}) == 2
        assert [request.message["params"]["name"] for request in second.requests] == ["greet", "search"]


async def test_a_stateless_client_does_too_and_the_name_goes_on_as_the_tools_own(open_gateway, now):
    async with Upstream(greets) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        await knows(caller, MODERN)
        discovered = await ask_modern(caller, modern("server/discover"), path=ALL)
        listed = await ask_modern(caller, modern("tools/list"), path=ALL)
        got = await ask_modern(caller, modern(name="sampler_greet"), path=ALL)

        assert discovered.json["result"]["capabilities"] == {"tools": {}}
        assert listed.json["result"]["cacheScope"] == "private"
        assert got.json["result"]["content"] == HELLO["content"]
        [request] = upstream.requests
        assert request.header("mcp-name") == "greet"
        assert request.message["params"]["name"] == "greet"
        assert caller.events[0].tool == "greet"


async def test_t3_two_integrations_with_one_name_each_answer_and_bill_their_own(open_gateway, now):
    async with Upstream(greets) as one, Upstream(greets) as two, open_gateway(upstream_url=one.url) as caller:
        add(caller, now, "crm", one.url, tools=("search",))
        add(caller, now, "wiki", two.url, tools=("search",))
        for slug in ("crm", "wiki"):
            await knows(caller, MODERN, slug=slug)
        for name in ("crm_search", "wiki_search"):
            await ask_modern(caller, modern(name=name), path=ALL)

        assert [len(upstream.requests) for upstream in (one, two)] == [1, 1]
        with Session(caller.engine) as session:
            ids = {found.id: found.slug for found in session.exec(select(Integration))}
        assert [ids[event.integration_id] for event in caller.events] == ["crm", "wiki"]


async def test_list_and_call_agree_on_what_the_key_may_use(open_gateway, make, now):
    secrets = []
    async with Upstream(greets) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        add(caller, now, "other", upstream.url)
        with Session(caller.engine) as session:
            Factory(session, now).key(secret=secrets, scopes=["other/search"])
            session.commit()
        await knows(caller, MODERN, slug="other")
        caller.secret = secrets[0]
        listed = (await ask_modern(caller, modern("tools/list"), path=ALL)).json["result"]["tools"]
        allowed = await ask_modern(caller, modern(name="other_search"), path=ALL)
        refused = await ask_modern(caller, modern(name="other_greet"), path=ALL)

        assert [tool["name"] for tool in listed] == ["other_search"]
        assert allowed.json["result"]["content"] == HELLO["content"]
        assert refused.error["data"]["reason"] == "tool_not_allowed"
        assert "other/greet" in refused.error["message"]
        assert len(caller.events) == 1


@pytest.mark.parametrize("name", ["greet", "sampler_nothing", "nobody_greet", "sampler_greet_", "_"])
async def test_a_tool_that_is_not_listed_cannot_be_called(open_sqlite_gateway, name):
    async with Upstream(greets) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await knows(caller, MODERN)
        got = await ask_modern(caller, modern(name=name), path=ALL)

        assert got.error["data"]["reason"] == "unknown_tool"
        assert upstream.requests == []
        assert caller.events == []


async def test_long_lists_come_in_pages(open_sqlite_gateway, now):
    tools = [f"tool-{number:03}" for number in range(450)]
    async with Upstream(greets) as upstream, open_sqlite_gateway(upstream_url=upstream.url, tools=tools) as caller:
        await knows(caller, MODERN)
        found, cursor = [], None
        while True:
            message = modern("tools/list", **({"cursor": cursor} if cursor else {}))
            result = (await ask_modern(caller, message, path=ALL)).json["result"]
            found += [tool["name"] for tool in result["tools"]]
            cursor = result.get("nextCursor")
            if cursor is None:
                break

        assert found == [f"sampler_{tool}" for tool in tools]
        lost = await ask_modern(caller, modern("tools/list", cursor="zzz"), path=ALL)
        assert lost.error["code"] == -32602


async def test_an_empty_list_never_hides_a_failure(open_sqlite_gateway):
    async with open_sqlite_gateway(tools=()) as caller:
        got = await ask_modern(caller, modern("tools/list"), path=ALL)

        assert "error" in got.json


@pytest.mark.parametrize("method", ["prompts/list", "resources/list", "completion/complete"])
async def test_only_tools_are_served_there(open_sqlite_gateway, method):
    async with open_sqlite_gateway() as caller:
        stateless = await ask_modern(caller, modern(method), path=ALL)
        with_session = await caller.call({"jsonrpc": "2.0", "id": 1, "method": method}, path=ALL)

        assert stateless.error["code"] == with_session.error["code"] == -32601


async def test_questions_of_an_old_integration_reach_an_old_client(open_gateway):
    async def asks(server, request, writer):
        writer.write(stream_head())
        writer.write(event({"jsonrpc": "2.0", "id": 1, **ELICIT}))
        await writer.drain()
        said = await server.asked_back.get()
        result = {"content": [{"type": "text", "text": said["result"]["content"]["name"]}]}
        writer.write(event({"jsonrpc": "2.0", "id": request.message["id"], "result": result}))
        writer.close()

    async with Upstream(OldServer(asks)) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        await knows(caller, HANDSHAKE)
        _, session = await begin(caller, INITIALIZE, path=ALL)
        calling = caller.start(named("sampler_greet"), path=ALL, headers=caller.usual(session))
        await until(lambda: calling.answer.pieces)
        [question] = events_of(calling.answer.body)
        said = {"jsonrpc": "2.0", "id": question["id"], "result": {"action": "accept", "content": {"name": "Grace"}}}
        await caller.call(said, path=ALL, headers=caller.usual(session))
        got = await calling.finished()

        assert events_of(got.body)[-1]["result"]["content"][0]["text"] == "Grace"
        assert [event.units for event in caller.events] == [1]


async def test_t6_a_session_of_everything_is_bound_to_its_key_too(open_gateway, make):
    secrets = []
    make.key(secret=secrets)
    async with open_gateway() as caller:
        _, session = await begin(caller, path=ALL)
        caller.secret = secrets[0]
        stolen = await caller.call(LIST, path=ALL, headers=caller.usual(session))

        assert stolen.status == 404


async def test_test_keys_get_samples_there_too(open_gateway, now):
    secrets = []
    async with Upstream(greets) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        with Session(caller.engine) as session:
            Factory(session, now).key(secret=secrets, environment="test")
            session.commit()
        await knows(caller, MODERN)
        caller.secret = secrets[0]
        got = await ask_modern(caller, modern(name="sampler_greet"), path=ALL)

        assert "result" in got.json
        assert upstream.requests == []


async def test_many_callers_of_everything_do_not_mix_their_answers(open_sqlite_gateway):
    async def echoes(server, request, writer):
        text = request.message["params"]["arguments"]["name"]
        writer.write(response(request, {"content": [{"type": "text", "text": text}]}))

    async with Upstream(OldServer(echoes)) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await knows(caller, HANDSHAKE)
        messages = [named("sampler_greet", id=1) for _ in range(30)]
        for number, message in enumerate(messages):
            message["params"] = {**message["params"], "arguments": {"name": str(number)}}
        got = await asyncio.gather(*[caller.call(message, path=ALL) for message in messages])

        assert [one.json["result"]["content"][0]["text"] for one in got] == [str(number) for number in range(30)]
