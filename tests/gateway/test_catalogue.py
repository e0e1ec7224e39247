"""Lists and calls of tools: what was approved, word for word, and nothing else, to whom it belongs."""

import json

import pytest
from sqlmodel import Session, select

from app.core import changes
from app.integrations import models
from tests.asynchronous import until
from tests.factories import Factory
from tests.gateway.gateways import CALL, RESULT
from tests.gateway.upstreams import Upstream, answer, raw
from tests.waiting import PATIENCE_S

TOOLS = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
MODERN = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/list")]
BODY = json.dumps(RESULT).encode()


def modern(**params):
    return {**TOOLS, "params": {"_meta": META, **params}}


def called(name):
    return {**CALL, "params": {"name": name}}


async def names(caller, **more):
    return [tool["name"] for tool in (await caller.call(TOOLS, **more)).json["result"]["tools"]]


async def test_the_list_is_what_was_approved_and_asks_nobody(open_gateway):
    async with Upstream(raw(answer(b"{}"))) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call({**TOOLS, "id": "é1"})

        assert (got.status, got.json["id"]) == (200, "é1")
        assert got.json["result"] == {
            "tools": [
                {"name": name, "description": f"The tool {name}.", "inputSchema": {"type": "object"}}
                for name in ("greet", "slow")
            ]
        }
        assert got.header("cache-control") == "no-store"
        assert upstream.requests == []
        assert caller.events == []


async def test_the_newer_era_is_told_that_the_list_is_whole_and_its_own(open_sqlite_gateway):
    async with open_sqlite_gateway() as caller:
        got = await caller.call(modern(), headers=caller.usual(*MODERN))

        result = got.json["result"]
        assert (result["resultType"], result["cacheScope"]) == ("complete", "private")
        assert result["ttlMs"] >= 0
        assert len(result["tools"]) == 2


@pytest.mark.parametrize("missing", META)
async def test_the_newer_era_must_say_what_every_request_says(open_sqlite_gateway, missing):
    meta = {name: value for name, value in META.items() if name != missing}
    async with open_sqlite_gateway() as caller:
        got = await caller.call({**TOOLS, "params": {"_meta": meta}}, headers=caller.usual(*MODERN))

        assert (got.status, got.error["code"]) == (400, -32602)


async def test_a_revision_that_nobody_speaks_is_refused_with_those_that_are(open_sqlite_gateway):
    meta = META | {"io.modelcontextprotocol/protocolVersion": "2099-01-01"}
    headers = [("MCP-Protocol-Version", "2099-01-01"), ("Mcp-Method", "tools/list")]
    async with open_sqlite_gateway() as caller:
        got = await caller.call({**TOOLS, "params": {"_meta": meta}}, headers=caller.usual(*headers))

        assert (got.status, got.error["code"]) == (400, -32022)
        assert got.error["data"]["supported"] == ["2026-07-28"]
        assert got.error["data"]["requested"] == "2099-01-01"


@pytest.mark.parametrize("params", [{"cursor": "2"}, {"cursor": 5}])
async def test_a_cursor_that_nobody_gave_is_refused(open_sqlite_gateway, params):
    async with open_sqlite_gateway() as caller:
        got = await caller.call({**TOOLS, "params": params})

        assert got.error["code"] == -32602


async def test_a_notification_called_like_the_list_is_taken_quietly(open_sqlite_gateway):
    async with open_sqlite_gateway() as caller:
        got = await caller.call({"jsonrpc": "2.0", "method": "tools/list"})

        assert (got.status, got.body) == (202, b"")


async def test_definitions_are_served_word_for_word(session, make, open_gateway):
    async with open_gateway() as caller:
        integration = caller_integration(session)
        odd = make.tool(integration, "odd", inputSchema={"z": 1.50, "a": "\u2028é\0", "big": 12345678901234567890})
        await known(caller, session)

        assert odd.definition.encode() in (await caller.call(TOOLS)).body


async def test_t1_a_tool_that_nobody_approved_is_neither_listed_nor_called(session, make, open_gateway):
    async with Upstream(raw(answer(BODY))) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        make.tool(caller_integration(session), "poisoned", is_approved=False)
        await known(caller, session)

        got = await caller.call(called("poisoned"))

        assert await names(caller) == ["greet", "slow"]
        assert (got.status, got.error["code"], got.error["data"]["reason"]) == (200, -32602, "unknown_tool")
        assert upstream.requests == []
        assert caller.events == []


async def test_an_unknown_tool_is_refused_and_explained_to_whoever_tries(open_gateway):
    async with Upstream(raw(answer(BODY))) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call(called("nothing"))

        assert (got.status, got.error["code"]) == (200, -32602)
        assert "none called “nothing”" in got.error["message"]
        assert upstream.requests == []
        await until(lambda: [(one.reason, one.tool) for one in caller.attempts] == [("unknown_tool", "nothing")])


@pytest.mark.parametrize("state", [models.CHANGED, models.GONE])
async def test_t2_a_held_tool_leaves_the_list_and_is_refused_until_it_is_approved(session, open_gateway, state):
    async with Upstream(raw(answer(BODY))) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        tool = tool_named(session, "greet")

        await change(caller, session, tool, state)
        refused, other = await caller.call(), await caller.call(called("slow"))

        assert await names(caller) == ["slow"]
        assert (refused.status, refused.error["data"]["reason"]) == (200, "tool_held")
        assert "“greet”" in refused.error["message"]
        assert other.passed == BODY
        assert [event.tool for event in caller.events] == ["slow"]

        await change(caller, session, tool, models.APPROVED)

        assert await names(caller) == ["greet", "slow"]
        assert (await caller.call()).passed == BODY


async def test_a_failure_is_never_an_empty_list(open_sqlite_gateway):
    async with open_sqlite_gateway(tools=()) as caller:
        got, call = await caller.call(TOOLS), await caller.call()

        assert (got.status, got.error["data"]["reason"]) == (200, "never_reached")
        assert (call.status, call.error["data"]["reason"]) == (200, "never_reached")


async def test_tools_that_wait_for_approval_are_no_empty_list_either(sqlite_engine, open_sqlite_gateway, now):
    async with open_sqlite_gateway(tools=()) as caller:
        with Session(sqlite_engine) as session:
            make = Factory(session, now)
            make.tool(caller_integration(session), "greet", is_approved=False)
            await known(caller, session)

        got = await caller.call(TOOLS)

        assert (got.status, got.error["data"]["reason"]) == (200, "nothing_approved")


async def test_an_integration_that_has_no_tools_has_an_empty_list(sqlite_engine, open_sqlite_gateway):
    async with open_sqlite_gateway(tools=()) as caller:
        with Session(sqlite_engine) as session:
            make = Factory(session, caller_integration(session).created_at)
            integration = caller_integration(session)
            integration.protocol_versions = ["2025-11-25"]
            make.tool(integration, "gone", is_approved=False).state = models.GONE
            await known(caller, session)

        assert await names(caller) == []


async def test_t20_a_list_made_for_one_key_is_never_given_to_another(session, make, open_gateway):
    async with open_gateway() as caller:
        secrets = []
        make.key(secret=secrets, scopes=["sampler/greet"])
        await known(caller, session)
        whole, (narrow,) = caller.secret, secrets

        seen = []
        for secret in (whole, narrow, whole, narrow):
            caller.secret = secret
            seen.append(await names(caller))

        assert seen == [["greet", "slow"], ["greet"]] * 2


async def test_t20_a_tool_that_is_held_is_gone_from_the_next_list(session, open_gateway):
    async with open_gateway() as caller:
        assert await names(caller) == ["greet", "slow"]

        await change(caller, session, tool_named(session, "slow"), models.CHANGED)

        assert await names(caller) == ["greet"]


async def test_t3_two_integrations_with_the_same_tool_keep_apart(session, make, open_gateway):
    other_body = BODY.replace(b"Hello, Ada", b"Hello, Bob")
    async with (
        Upstream(raw(answer(BODY))) as one,
        Upstream(raw(answer(other_body))) as two,
        open_gateway(upstream_url=one.url) as caller,
    ):
        other = make.integration("other", upstream_url=two.url, tools=())
        make.tool(other, "greet", description="The other one.")
        await known(caller, session)

        first, second = await caller.call(), await caller.call(path="/mcp/other")

        assert (first.passed, second.passed) == (BODY, other_body)
        listed = (await caller.call(TOOLS, path="/mcp/other")).json["result"]["tools"]
        assert [tool["description"] for tool in listed] == ["The other one."]
        assert {event.integration_id for event in caller.events} == {other.id, caller_integration(session).id}


async def test_events_say_which_version_of_the_tool_it_was(session, open_gateway):
    async with Upstream(raw(answer(BODY))) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        await caller.call()

        assert [event.tool_version for event in caller.events] == [tool_named(session, "greet").digest[:16]]


def caller_integration(session):
    return session.exec(select(models.Integration).where(models.Integration.slug == "sampler")).one()


def tool_named(session, name):
    return session.exec(select(models.Tool).where(models.Tool.name == name)).one()


async def change(caller, session, tool, state):
    """The tool is now in that state, and the gateway knows."""
    tool.state = state
    session.add(tool)
    changes.record(session, kind="tool", subject_id=tool.integration_id, now=tool.found_at)
    await known(caller, session)


async def known(caller, session):
    """What was done is committed, and the gateway knows."""
    session.commit()
    await caller.gateway.parts.feed.catch_up(timeout_s=PATIENCE_S)
