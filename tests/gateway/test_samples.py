"""Test keys are answered with samples: nothing reaches the integration, and nothing is charged."""

import json

import pytest
from sqlmodel import select

from app.core.clock import now as clock_now
from app.integrations import approvals, samples
from app.integrations.models import Integration, Tool
from app.integrations.trail import Trail
from tests.gateway.gateways import CALL, RESULT
from tests.gateway.upstreams import Upstream, answer, raw
from tests.waiting import PATIENCE_S

META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
MODERN = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"), ("Mcp-Name", "greet")]


async def with_test_key(caller, session, make):
    secrets = []
    make.key(secret=secrets, environment="test")
    session.commit()
    await caller.gateway.parts.feed.catch_up(timeout_s=PATIENCE_S)
    [caller.secret] = secrets


async def test_a_test_key_gets_a_sample_and_nothing_goes_upstream(session, make, open_gateway):
    async with Upstream(raw(answer(b"{}"))) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        await with_test_key(caller, session, make)

        got = await caller.call()

        assert (got.status, got.json["id"]) == (200, CALL["id"])
        assert "sample answer of “greet”" in got.json["result"]["content"][0]["text"]
        assert upstream.requests == []
        [event] = caller.events
        assert (event.environment, event.status, event.amount_nanos) == ("test", "ok", 0)
        assert got.receipt == event.id


async def test_the_operators_own_sample_is_given(session, make, open_gateway):
    async with open_gateway() as caller:
        integration, tool = session.exec(select(Integration)).one(), session.exec(select(Tool)).first()
        approvals.set_sample(Trail(session, integration, clock_now()), tool, json.dumps(RESULT["result"]))
        await with_test_key(caller, session, make)

        got = await caller.call()

        assert json.loads(got.passed)["result"] == RESULT["result"]


async def test_the_newer_era_is_answered_in_its_form(session, make, open_gateway):
    async with open_gateway() as caller:
        await with_test_key(caller, session, make)

        message = {**CALL, "params": {**CALL["params"], "_meta": META}}
        got = await caller.call(message, headers=caller.usual(*MODERN))

        assert got.json["result"]["resultType"] == "complete"


async def test_a_test_key_calls_only_what_is_approved(session, make, open_gateway):
    async with open_gateway() as caller:
        await with_test_key(caller, session, make)

        got = await caller.call({**CALL, "params": {"name": "nothing"}})

        assert got.error["data"]["reason"] == "unknown_tool"


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (
            {
                "type": "object",
                "properties": {
                    "city": {"type": "string"},
                    "at": {"type": "string", "format": "date-time"},
                    "kind": {"enum": ["sun", "rain"]},
                    "degrees": {"type": "number", "minimum": -20},
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "wind": {"$ref": "#/$defs/Wind"},
                    "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                    "is_sure": {"type": "boolean"},
                    "left_out": {"type": "string"},
                },
                "required": ["city", "at", "kind", "degrees", "tags", "wind", "note", "is_sure"],
                "$defs": {"Wind": {"type": "object", "properties": {"v": {"const": 3}}, "required": ["v"]}},
            },
            {
                "city": "sample",
                "at": "2026-01-31T12:00:00Z",
                "kind": "sun",
                "degrees": -20,
                "tags": ["sample"],
                "wind": {"v": 3},
                "note": "sample",
                "is_sure": False,
            },
        ),
        ({"$ref": "#"}, None),
        ({"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#/nowhere"}}}, {"a": None}),
        ({"type": "array", "minItems": 10**9, "items": {"type": "null"}}, None),
        (
            {"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "minLength": 8}}},
            {"a": "sample.."},
        ),
    ],
)
def test_a_sample_has_the_form_that_the_tool_promises(schema, expected):
    made = samples.made_up(json.dumps({"name": "x", "outputSchema": schema}).encode())

    assert made.get("structuredContent") == expected
    assert made["content"][0]["type"] == "text"
