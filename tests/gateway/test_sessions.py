"""Sessions of the handshake era belong to the key that opened them, on every replica (T6)."""

from uuid import UUID

import pytest

from app.gateway.errors import Refused
from app.gateway.sessions import Sessions
from tests.gateway.gateways import CALL, RESULT
from tests.gateway.upstreams import Upstream, answer
from tests.gateway.upstreams import raw as always

UPSTREAMS_OWN = "5e55-10n"
INITIALIZE = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-11-25"}}
LIST_TOOLS = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
OPENED = answer(b'{"jsonrpc":"2.0","id":1,"result":{}}', more=f"Mcp-Session-Id: {UPSTREAMS_OWN}\r\n")
KEY, OTHER_KEY, INTEGRATION, OTHER_INTEGRATION = (UUID(int=number) for number in range(1, 5))


async def test_a_session_reaches_its_integration_by_its_own_name(open_sqlite_gateway):
    async with Upstream(always(OPENED)) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        session = (await caller.call(INITIALIZE)).header("mcp-session-id")
        await caller.call(headers=caller.usual(("Mcp-Session-Id", session)))

        assert UPSTREAMS_OWN not in session
        assert upstream.requests[1].header("mcp-session-id") == UPSTREAMS_OWN


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
async def test_t6_another_key_is_told_that_there_is_no_such_session(open_gateway, make, method):
    secrets = []
    make.key(secret=secrets)
    async with Upstream(always(OPENED)) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        victims = (await caller.call(INITIALIZE)).header("mcp-session-id")
        own, caller.secret = caller.secret, secrets[0]
        stolen = await caller.call(method=method, headers=caller.usual(("Mcp-Session-Id", victims)))
        caller.secret = own
        still = await caller.call(headers=caller.usual(("Mcp-Session-Id", victims)))

        assert stolen.status == 404
        assert stolen.error["data"]["reason"] == "unknown_session"
        assert still.status == 200
        assert len(upstream.requests) == 2


async def test_a_session_that_its_client_ended_is_unknown_to_the_gateway_too(open_sqlite_gateway):
    async with Upstream(always(OPENED)) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        ended, other = (await caller.call(INITIALIZE)).header("mcp-session-id"), caller.session("another")
        await caller.call(method="DELETE", headers=caller.usual(("Mcp-Session-Id", ended)))
        listed = await caller.call(LIST_TOOLS, headers=caller.usual(("Mcp-Session-Id", ended)))
        still = await caller.call(LIST_TOOLS, headers=caller.usual(("Mcp-Session-Id", other)))

        assert (listed.status, listed.error["data"]["reason"]) == (404, "unknown_session")
        assert still.status == 200


async def test_a_session_that_its_integration_would_not_end_goes_on(open_sqlite_gateway):
    async def script(request, reader, writer):
        writer.write(answer(b"", status="405 No") if request.method == "DELETE" else OPENED)

    async with Upstream(script) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        session = (await caller.call(INITIALIZE)).header("mcp-session-id")
        await caller.call(method="DELETE", headers=caller.usual(("Mcp-Session-Id", session)))

        assert (await caller.call(LIST_TOOLS, headers=caller.usual(("Mcp-Session-Id", session)))).status == 200


@pytest.mark.parametrize("made_up", [UPSTREAMS_OWN, "x", "A" * 60, "é", "5e55-10n=="])
async def test_a_made_up_session_is_unknown_and_nothing_is_sent(open_sqlite_gateway, made_up):
    async with Upstream(always(OPENED)) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call(headers=caller.usual(("Mcp-Session-Id", made_up)))

        assert got.status == 404
        assert upstream.requests == []


async def test_the_stateless_era_has_no_sessions(open_sqlite_gateway):
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}
    call = {**CALL, "params": {**CALL["params"], "_meta": meta}}
    modern = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"), ("Mcp-Name", "greet")]
    reply = answer(b'{"jsonrpc":"2.0","id":7,"result":{"content":[]}}', more=f"Mcp-Session-Id: {UPSTREAMS_OWN}\r\n")
    async with Upstream(always(reply)) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call(call, headers=caller.usual(("Mcp-Session-Id", "anything"), *modern))

        assert got.status == 200
        assert got.json["result"]["content"] == RESULT["result"]["content"][:0]
        assert got.header("mcp-session-id") is None
        assert upstream.requests[0].header("mcp-session-id") is None


def test_every_replica_of_an_installation_knows_a_session():
    here, there = Sessions("the same secret"), Sessions("the same secret")
    given = here.bound(b"abc", key_id=KEY, integration_id=INTEGRATION)

    assert there.opened(given, key_id=KEY, integration_id=INTEGRATION) == b"abc"
    assert there.opened(given, key_id=KEY, integration_id=INTEGRATION) == b"abc"


@pytest.mark.parametrize(("key_id", "integration_id"), [(OTHER_KEY, INTEGRATION), (KEY, OTHER_INTEGRATION)])
def test_a_session_opens_for_its_key_at_its_integration_only(key_id, integration_id):
    sessions = Sessions("secret")
    given = sessions.bound(b"abc", key_id=KEY, integration_id=INTEGRATION)
    sessions.opened(given, key_id=KEY, integration_id=INTEGRATION)

    with pytest.raises(Refused):
        sessions.opened(given, key_id=key_id, integration_id=integration_id)


def test_any_changed_character_makes_another_session():
    sessions = Sessions("secret")
    given = sessions.bound(b"a session of the integration", key_id=KEY, integration_id=INTEGRATION)

    for place in range(len(given)):
        changed = given[:place] + (b"A" if given[place : place + 1] != b"A" else b"B") + given[place + 1 :]
        with pytest.raises(Refused):
            sessions.opened(changed, key_id=KEY, integration_id=INTEGRATION)
