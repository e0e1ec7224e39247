"""Where integrations are called, and what clients that look for OAuth find beside the key-only addresses."""

import pytest

from app.gateway import places
from app.gateway.places import Place
from tests.gateway.keyed import said
from tests.gateway.test_credentials import OK
from tests.gateway.upstreams import Upstream


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/mcp/sampler", Place("sampler", is_key_only=False)),
        ("/k/sampler/mcp", Place("sampler", is_key_only=True)),
        ("/mcp", Place("", is_key_only=False)),
        ("/k/mcp", Place("", is_key_only=True)),
        ("/mcp/mcp", Place("mcp", is_key_only=False)),
        ("/k/mcp/mcp", Place("mcp", is_key_only=True)),
        ("/mcp/k", Place("k", is_key_only=False)),
    ],
)
def test_a_place_is_known_by_its_path(path, place):
    assert places.parse(path) == place


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "/mcp/", "/mcp//", "/mcp/a/b", "/mcp/a/", "/mcps", "/MCP/a", "//mcp/a", "/mcp/a/mcp"),
        *("/k", "/k/", "/k//mcp", "/k/a", "/k/a/", "/k/a/mcp/", "/k/a/b/mcp", "/k/amcp", "/K/a/mcp", "/k/a/mcp/b"),
    ],
)
def test_anything_else_is_no_place(path):
    assert places.parse(path) is None


@pytest.mark.parametrize("path", ["/mcp/sampler", "/k/sampler/mcp"])
async def test_a_key_is_taken_at_both_addresses(open_sqlite_gateway, path):
    async with Upstream(OK) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call(path=path)

        assert got.status == 200
        assert "result" in got.json
        assert [event.tool for event in caller.events] == ["greet"]


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
@pytest.mark.parametrize("path", ["/k/sampler/mcp", "/k/mcp", "/k/nowhere/mcp"])
async def test_a_401_of_a_key_only_address_is_plain(open_sqlite_gateway, path, method):
    async with open_sqlite_gateway() as caller:
        got = await caller.call(path=path, method=method, headers=[("Content-Type", "application/json")])

        assert said(got) == (401, -31401, "no_key")
        assert got.header("www-authenticate") == "Bearer"
        assert got.header("content-type") == "application/json"


WELL_KNOWN = [
    "/.well-known/oauth-protected-resource/k/sampler/mcp",
    "/.well-known/oauth-authorization-server/k/sampler/mcp",
    "/.well-known/openid-configuration/k/sampler/mcp",
    "/k/sampler/mcp/.well-known/oauth-protected-resource",
    "/k/sampler/mcp/.well-known/oauth-authorization-server",
    "/k/sampler/mcp/.well-known/openid-configuration",
    "/.well-known/oauth-protected-resource/k/mcp",
    "/.well-known/oauth-authorization-server/k/mcp",
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
]
"""RFC 9728 and RFC 8414 put the well-known part before the path, OpenID behind it; the bare ones are tried last."""


@pytest.mark.parametrize("path", WELL_KNOWN)
@pytest.mark.parametrize("with_key", [True, False], ids=["with key", "without"])
async def test_nothing_that_looks_like_oauth_is_found_beside_a_key_only_address(open_sqlite_gateway, path, with_key):
    async with open_sqlite_gateway() as caller:
        got = await caller.call(path=path, method="GET", headers=caller.usual() if with_key else [])

        assert got.status == 404  # a 200 or a redirect would make Cursor leave the configured key out
        assert got.json["status"] == 404
        assert got.header("location") is None
        assert "json" in got.header("content-type")


@pytest.mark.parametrize("path", ["/register", "/token", "/authorize"])
async def test_clients_that_guess_the_endpoints_of_oauth_find_none(open_sqlite_gateway, path):
    async with open_sqlite_gateway() as caller:
        got = await caller.call({"client_name": "x"}, path=path, headers=[("Content-Type", "application/json")])

        assert (got.status, "json" in got.header("content-type")) == (404, True)
