"""What a client may keep of an answer is for its caller alone, whatever the integration says (T20)."""

import json

import pytest

from app.gateway.privacy import _Privately
from tests.gateway.eras.servers import LIST, ask_modern, event, modern, response, stream_head
from tests.gateway.upstreams import Upstream, answer

RESULT = {"resultType": "complete", "ttlMs": 5, "cacheScope": "public", "prompts": [], "text": '"cacheScope":"public"'}
METHODS = [
    ("server/discover", {}),
    ("prompts/list", {}),
    ("resources/list", {}),
    ("resources/templates/list", {}),
    ("resources/read", {"uri": "file:///a"}),
]


async def as_json(request, reader, writer):
    said = {"jsonrpc": "2.0", "id": request.message["id"], "result": RESULT}
    writer.write(answer(json.dumps(said, indent=1).encode(), more="cache-control: public, max-age=60\r\n"))


async def as_event(request, reader, writer):
    writer.write(stream_head() + event({"jsonrpc": "2.0", "id": request.message["id"], "result": RESULT}))
    writer.close()


async def large(request, reader, writer):
    writer.write(response(request, {"prompts": ["x" * 300_000], **RESULT, "description": "y" * 300_000}))


@pytest.mark.parametrize("script", [as_json, as_event, large])
@pytest.mark.parametrize(("method", "params"), METHODS, ids=[method for method, _ in METHODS])
async def test_t20_an_answer_that_passes_is_made_private(open_sqlite_gateway, script, method, params):
    async with Upstream(script) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await ask_modern(caller, modern(method, **params))

        result = json.loads(got.body.rpartition(b"data: ")[2])["result"]
        assert result["cacheScope"] == "private"
        assert {**result, "cacheScope": "public"} == {**result, **RESULT}
        assert got.header("cache-control") == "no-store"
        assert got.header("content-length") in (None, str(len(got.body)))


@pytest.mark.parametrize("path", ["/mcp/sampler", "/mcp"])
@pytest.mark.parametrize("method", ["tools/list", "server/discover"])
async def test_t20_what_the_gateway_lists_itself_is_private(open_sqlite_gateway, method, path):
    async with Upstream(as_json) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await ask_modern(caller, modern(method), path=path)

        assert got.json["result"]["cacheScope"] == "private"
        assert got.header("cache-control") == "no-store"


async def test_lists_of_the_handshake_era_are_not_to_be_stored(open_sqlite_gateway):
    async with Upstream(as_json) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        for path in ("/mcp/sampler", "/mcp"):
            got = await caller.call(LIST, path=path)

            assert "cacheScope" not in got.json["result"]
            assert got.header("cache-control") == "no-store"


class Pieces:
    def __init__(self):
        self.sent = b""

    def send(self, data):
        self.sent += data

    finish = send


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 11, 13, 1_000])
def test_it_is_found_however_it_is_cut_and_nothing_else_is_touched_or_held(size):
    said = (
        b'{"a":"cacheScope","cacheScope" :\n "public","t":"\\"cacheScope\\":\\"public\\"","cacheScope":"publicly"}\n\n'
    )
    outlet = Pieces()
    private = _Privately(outlet)

    for at in range(0, len(said), size):
        private.send(said[at : at + size])

    assert outlet.sent == said.replace(b'"cacheScope" :\n "public"', b'"cacheScope":"private"')
