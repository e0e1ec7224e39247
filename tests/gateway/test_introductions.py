"""A client is known by what it calls itself in MCP, besides its User-Agent, wherever it says so."""

import pytest

from app.keys.models import Key
from app.keys.seen_models import KeySighting
from app.metering import notebook
from tests.asynchronous import until
from tests.gateway.eras.servers import META, MODERN, knows, modern, modern_headers
from tests.gateway.eras.test_handshake_caller import INITIALIZE, begin, greets
from tests.gateway.gateways import CALL
from tests.gateway.test_credentials import OK
from tests.gateway.upstreams import Upstream

NODE = ("User-Agent", "node")


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(notebook, "USES_EVERY_S", 0.01)


def introduction(**info):
    return {**INITIALIZE, "params": {**INITIALIZE["params"], "clientInfo": info}}


def clients(caller):
    return {one.client for one in caller._all(KeySighting)}


def last(caller):
    return caller._all(Key)[0].last_client


async def test_by_handshake_it_is_known_from_the_beginning_of_its_session(open_sqlite_gateway):
    async with Upstream(OK) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await caller.call(CALL, headers=caller.usual(NODE))
        await until(lambda: last(caller) == "node")

        await caller.call(introduction(name="Claude", version="1.2"), headers=caller.usual(NODE))
        await caller.call(CALL, headers=caller.usual(NODE))
        await until(lambda: last(caller) == "Claude/1.2 via node")
        await caller.call(introduction(name="Cursor"), headers=caller.usual(("User-Agent", "cursor/3 (linux)")))
        await until(lambda: last(caller) == "Cursor")
        await until(lambda: clients(caller) == {"node", "Claude/1.2 via node", "Cursor"})


async def test_by_a_session_that_the_gateway_holds_it_is_known_on_every_replica(open_sqlite_gateway):
    async with Upstream(greets) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await knows(caller, MODERN)
        _, session = await begin(caller)
        caller.gateway.parts.notebook.uses._known.clear()  # as a gateway that has just started

        await caller.call(CALL, headers=caller.usual(session, NODE))

        await until(lambda: last(caller) == "tests/1 via node")


async def test_without_sessions_it_is_known_from_its_first_call(open_sqlite_gateway):
    async with Upstream(greets) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await knows(caller, MODERN)
        message = modern()
        message["params"]["_meta"][META + "clientInfo"] = {"name": "agent " + caller.secret, "version": "1"}

        await caller.call(message, headers=[*modern_headers(caller, message), NODE])

        await until(lambda: last(caller).startswith("agent "))
        assert caller.secret not in last(caller)
        assert clients(caller) == {last(caller)}


@pytest.mark.parametrize("info", [None, {}, {"name": 7}, {"name": " "}, {"name": "unknown", "version": "0"}, "x"])
async def test_who_says_nothing_useful_is_known_by_the_user_agent(open_sqlite_gateway, info):
    async with Upstream(OK) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        said = {**INITIALIZE, "params": {**INITIALIZE["params"], "clientInfo": info}}
        await caller.call(said, headers=caller.usual(NODE))

        await until(lambda: last(caller) == "node")
