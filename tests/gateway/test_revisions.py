"""What the gateway answers itself is held to the revision it comes in, as an integration would hold it."""

import pytest

from tests.gateway.eras.servers import LIST, modern, modern_headers
from tests.gateway.upstreams import Upstream, answer, raw

OK = raw(answer(b'{"jsonrpc":"2.0","id":1,"result":{}}'))
VERSION = "io.modelcontextprotocol/protocolVersion"


@pytest.mark.parametrize("method", ["server/discover", "tools/list"])
@pytest.mark.parametrize("left_out", [VERSION, "io.modelcontextprotocol/clientCapabilities"])
async def test_a_request_of_2026_lacks_nothing_at_the_address_for_everything(open_sqlite_gateway, method, left_out):
    async with Upstream(OK) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        message = modern(method)
        headers = modern_headers(caller, message)
        del message["params"]["_meta"][left_out]
        got = await caller.call(message, path="/mcp", headers=headers)

        assert (got.status, got.error["code"]) == (400, -32602)
        assert upstream.requests == []


@pytest.mark.parametrize("method", ["server/discover", "tools/list"])
async def test_a_later_revision_than_any_is_answered_with_those_that_are_spoken(open_sqlite_gateway, method):
    async with open_sqlite_gateway() as caller:
        message = modern(method)
        message["params"]["_meta"][VERSION] = "2099-01-01"
        headers = [pair for pair in modern_headers(caller, message) if pair[0] != "MCP-Protocol-Version"]
        got = await caller.call(message, path="/mcp", headers=[*headers, ("MCP-Protocol-Version", "2099-01-01")])

        assert (got.status, got.error["code"]) == (400, -32022)
        assert got.error["data"]["supported"] == ["2026-07-28"]


@pytest.mark.parametrize("path", ["/mcp", "/mcp/sampler"])
@pytest.mark.parametrize(("version", "status"), [("2025-06-18", 200), ("1999-01-01", 400), ("2099-01-01", 400)])
async def test_a_header_names_a_revision_that_is_spoken(open_sqlite_gateway, path, version, status):
    async with open_sqlite_gateway() as caller:
        got = await caller.call(LIST, path=path, headers=caller.usual(("MCP-Protocol-Version", version)))

        assert got.status == status


async def test_who_begins_and_names_no_revision_in_a_header_is_let_in(open_sqlite_gateway):
    begin = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2099-01-01"}}
    async with open_sqlite_gateway() as caller:
        got = await caller.call(begin, path="/mcp")

        assert got.json["result"]["protocolVersion"] == "2025-11-25"
