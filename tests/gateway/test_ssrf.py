"""Attack T8: an integration registered at an address inside. No packet gets there, and callers get a clean error."""

import json
import socket
import threading

import pytest

from app.gateway.upstream.breaker import OPENS_AFTER
from tests.core.hosts import Resolver
from tests.gateway.gateways import LIST, RESULT
from tests.gateway.upstreams import Upstream, answer, raw

OK = answer(json.dumps(RESULT).encode(), more="connection: close\r\n")
INSIDE = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "localhost",
    "[::ffff:127.0.0.1]",
    "[::1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "0.0.0.0",
]


@pytest.mark.parametrize("host", INSIDE)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_t8_an_integration_at_an_address_inside_gets_no_packet(open_sqlite_gateway, scheme, host):
    async with Upstream(raw(OK)) as canary:
        url = f"{scheme}://{host}:{canary.port}/mcp"
        async with open_sqlite_gateway(upstream_url=url, private_networks=()) as caller:
            call, listing = await caller.call(), await caller.call(LIST)

            assert (call.status, listing.status) == (200, 502)
            for got in (call, listing):
                assert got.error["data"]["reason"] == "forbidden_address"
                assert "“Sampler” is at an address that this gateway does not call" in got.error["message"]
                assert host not in got.body.decode()
            assert [(event.error_class, event.units) for event in caller.events] == [("forbidden_address", 0)]
        assert canary.connections == 0


async def test_t8_a_name_that_is_rebound_is_refused_at_the_next_connection(open_sqlite_gateway, monkeypatch):
    resolver = Resolver(mcp_example=[["127.0.0.1"], ["127.0.0.2", "127.0.0.1"]])
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    async with Upstream(raw(OK)) as upstream:
        url = f"http://mcp.example:{upstream.port}/mcp"
        async with open_sqlite_gateway(upstream_url=url, private_networks=("127.0.0.1/32",)) as caller:
            first, second = await caller.call(), await caller.call()

            assert first.json["result"]["content"] == RESULT["result"]["content"]
            assert second.error["data"]["reason"] == "forbidden_address"
            assert (resolver.asked, upstream.connections) == (["mcp.example"] * 2, 1)


async def test_t8_a_redirect_inside_is_not_followed(open_sqlite_gateway):
    async with Upstream(raw(OK)) as canary:
        away = answer(b"", status="307 Away", more=f"location: {canary.url}\r\n")
        async with Upstream(raw(away)) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
            got = await caller.call()

            assert got.error["data"]["reason"] == "http_307"
            assert got.header("location") is None
        assert canary.connections == 0


async def test_plain_http_is_refused_where_https_is_required(open_sqlite_gateway, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", Resolver(mcp_example=[["93.184.216.34"]]))
    async with open_sqlite_gateway(upstream_url="http://mcp.example/mcp") as caller:
        caller.gateway.parts.client._guard._requires_https = True

        assert (await caller.call()).error["data"]["reason"] == "forbidden_address"


async def test_a_refused_address_is_never_taken_for_a_failing_integration(open_sqlite_gateway):
    async with open_sqlite_gateway(upstream_url="http://10.0.0.1/mcp") as caller:
        reasons = {(await caller.call()).error["data"]["reason"] for _ in range(2 * OPENS_AFTER)}

        assert reasons == {"forbidden_address"}


@pytest.mark.parametrize("host", ["a" * 64, "a..b", "nosuch.invalid"])
async def test_a_name_that_leads_nowhere_is_unreachable(open_sqlite_gateway, host):
    async with open_sqlite_gateway(upstream_url=f"http://{host}/mcp") as caller:
        assert (await caller.call()).error["data"]["reason"] == "unreachable"


async def test_a_name_whose_servers_are_silent_holds_up_only_its_own_callers(open_sqlite_gateway, monkeypatch):
    gate, asked = threading.Event(), []

    def silent(host, port, **_):
        asked.append(host)
        gate.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    limits = {"connect_timeout_s": 0.2}
    try:
        async with open_sqlite_gateway(upstream_url="http://mcp.example/mcp", **limits) as caller:
            answers = [await caller.call() for _ in range(3)]

            assert {got.error["data"]["reason"] for got in answers} == {"timeout"}
            assert asked == ["mcp.example"]
    finally:
        gate.set()
