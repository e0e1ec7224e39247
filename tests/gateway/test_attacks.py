"""Attacks on a gateway between strangers: two readings of one request, floods in one message, hostile answers.

Numbered as in the project's list of attacks; others of them have their tests beside what they attack.
"""

import json

import pytest

from tests.asynchronous import until
from tests.databases import on_one
from tests.gateway.eras.servers import META, ask_modern, event, modern, modern_headers, response, stream_head
from tests.gateway.gateways import CALL
from tests.gateway.upstreams import Upstream, answer

FREE, PAID = "greet", "slow"


async def answers(request, reader, writer):
    writer.write(response(request, {"content": []}))


def raw(text: str) -> bytes:
    return text.encode()


@pytest.mark.parametrize(
    "headers",
    [
        [("Mcp-Method", "tools/call"), ("Mcp-Name", FREE)],
        [("Mcp-Method", "tools/list"), ("Mcp-Name", PAID)],
        [("Mcp-Method", "tools/call"), ("Mcp-Name", PAID), ("Mcp-Name", FREE)],
        [("Mcp-Method", "tools/call"), ("Mcp-Method", "tools/list"), ("Mcp-Name", PAID)],
        [("Mcp-Method", "tools/call"), ("Mcp-Name", "=?base64?Z3JlZXQ=?=")],
        [("Mcp-Method", "tools/call"), ("Mcp-Name", "=?base64?c2xvdw?=")],
        [("Mcp-Method", "tools/call")],
        [("Mcp-Name", PAID)],
    ],
)
@on_one
async def test_t11_a_header_that_says_something_else_is_refused_and_nobody_pays(open_gateway, headers):
    async with Upstream(answers) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        message = modern(name=PAID)
        got = await caller.call(message, headers=caller.usual(("MCP-Protocol-Version", "2026-07-28"), *headers))

        assert got.status == 400
        assert got.error["code"] == -32020
        assert upstream.requests == []
        assert caller.events == []


@pytest.mark.parametrize(
    "body",
    [
        '{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call","params":{"name":"slow"}}',
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"greet","name":"slow"}}',
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"greet"},"params":{"name":"slow"}}',
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"greet","\\u006eame":"slow"}}',
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","Method":"tools/list","params":{"name":"slow"}}',
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"greet","Name":"slow"}}',
    ],
)
@on_one
async def test_t11_a_body_that_can_be_read_in_two_ways_is_refused(open_gateway, body):
    async with Upstream(answers) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call(body=raw(body))

        assert got.status == 400
        assert upstream.requests == []
        assert caller.events == []


async def test_t11_the_plain_and_the_encoded_form_of_a_name_are_the_same(open_sqlite_gateway):
    async with Upstream(answers) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        headers = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call")]
        got = await caller.call(modern(name=PAID), headers=caller.usual(*headers, ("Mcp-Name", "=?base64?c2xvdw==?=")))

        assert got.status == 200
        assert len(upstream.requests) == 1


async def test_t12_an_array_of_fifty_calls_is_fifty_calls(open_gateway):
    batch = [{**CALL, "id": number} for number in range(50)]
    async with Upstream(answers) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call(batch)

        assert got.status == 200
        assert [one["id"] for one in got.json] == list(range(50))
        assert len(upstream.requests) == 50
        assert [one.units for one in caller.events] == [1] * 50
        receipts = {one["result"]["_meta"]["postern/receipt"].partition(".")[0] for one in got.json}
        assert receipts == {one.id for one in caller.events}


async def test_t12_five_megabytes_are_too_much(open_sqlite_gateway):
    async with Upstream(answers) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        padded = {**CALL, "params": {**CALL["params"], "arguments": {"x": "y" * 5 * 1024 * 1024}}}
        got = await caller.call(padded)

        assert got.status == 413
        assert upstream.requests == []


@pytest.mark.parametrize(
    "arguments",
    ["[" * 100_000 + "]" * 100_000, '{"a":' * 100_000 + "1" + "}" * 100_000, "[" * 100_000, "[[],[]," * 20_000],
)
async def test_t12_what_is_too_deep_is_refused_unread(open_sqlite_gateway, arguments):
    body = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"greet","arguments":' + arguments + "}}"
    async with Upstream(answers) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call(body=raw(body))

        assert got.status == 400
        assert upstream.requests == []


async def test_t21_a_request_to_the_client_does_not_pass_in_the_stateless_era(open_gateway):
    async def asks(request, reader, writer):
        sneaky = {"jsonrpc": "2.0", "id": 99, "method": "sampling/createMessage", "params": {"messages": []}}
        writer.write(stream_head() + event(sneaky))
        writer.write(event({"jsonrpc": "2.0", "id": 7, "result": {"content": []}}))
        writer.close()

    async with Upstream(asks) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        got = await ask_modern(caller, modern())

        assert b"sampling/createMessage" not in got.body
        assert b"bad_answer" in got.body
        assert [one.units for one in caller.events] == [0]


@pytest.mark.parametrize(
    "wanted",
    [
        {"method": "sampling/createMessage", "params": {"messages": []}},
        {"method": "elicitation/create", "params": {"mode": "url", "url": "javascript:alert(1)", "message": "!"}},
        {"method": "elicitation/create", "params": {"mode": "url", "url": "file:///etc/passwd", "message": "!"}},
        {"method": "something/else"},
        {},
        "text",
    ],
)
@on_one
async def test_t21_input_that_the_client_does_not_take_is_not_asked_for(open_gateway, wanted):
    async def asks(request, reader, writer):
        writer.write(response(request, {"resultType": "input_required", "inputRequests": {"a": wanted}}))

    async with Upstream(asks) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        got = await ask_modern(caller, modern(capabilities={"elicitation": {}}))

        assert got.error["data"]["reason"] == "bad_answer"
        assert b"javascript" not in got.body


async def test_t7_state_that_passes_through_is_bound_to_the_key_that_got_it(open_gateway, make):
    secrets = []
    make.key(secret=secrets)

    async def remembers(request, reader, writer):
        params = request.message["params"]
        if params.get("requestState") == "s1":
            writer.write(response(request, {"resultType": "complete", "content": []}))
        else:
            ask = {"a": {"method": "elicitation/create", "params": {"mode": "form", "message": "?"}}}
            writer.write(
                response(request, {"resultType": "input_required", "inputRequests": ask, "requestState": "s1"})
            )

    async with Upstream(remembers) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        asked = (await ask_modern(caller, modern(capabilities={"elicitation": {}}))).json["result"]
        given = {"inputResponses": {"a": {"action": "accept"}}, "requestState": asked["requestState"]}
        again = modern(capabilities={"elicitation": {}}, **given)
        own, caller.secret = caller.secret, secrets[0]
        stolen = await ask_modern(caller, again)
        caller.secret = own
        flipped = await ask_modern(caller, {**again, "params": {**again["params"], "requestState": "s1"}})
        answered = await ask_modern(caller, again)

        assert asked["requestState"] != "s1"
        assert stolen.error["code"] == flipped.error["code"] == -32602
        assert answered.json["result"]["resultType"] == "complete"
        assert len(upstream.requests) == 2
        assert [one.units for one in caller.events] == [1]


async def test_t21_a_huge_answer_passes_in_pieces_and_is_never_held_whole(open_sqlite_gateway):
    size = 32 * 1024 * 1024

    async def pours(request, reader, writer):
        head = b'{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"'
        tail = b'"}]}}'
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
        writer.write(b"content-length: %d\r\n\r\n" % (len(head) + size + len(tail)) + head)
        for _ in range(size // 65_536):
            writer.write(b"x" * 65_536)
            await writer.drain()
        writer.write(tail)

    async with Upstream(pours) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        request = caller.start()
        await until(lambda: len(request.answer.pieces) > 2)
        got = await request.finished()

        assert len(got.body) > size
        assert max(len(piece) for piece in got.pieces) < 4 * 1024 * 1024
        assert json.loads(got.body)["id"] == 7
        assert [one.units for one in caller.events] == [1]


async def test_t18_meta_of_a_caller_with_a_key_in_it_reaches_no_event(open_sqlite_gateway):
    async with Upstream(answers) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        message = modern()
        message["params"]["_meta"][META + "clientInfo"] = {"name": caller.secret, "version": "1"}
        got = await caller.call(message, headers=modern_headers(caller, message))

        assert got.status == 200
        [one] = caller.events
        assert caller.secret not in repr(one)


@pytest.mark.parametrize(
    "said",
    [
        '{"jsonrpc":"2.0","id":999,"result":{"content":[]}}',
        '{"jsonrpc":"2.0","result":{"content":[]}}',
        '{"jsonrpc":"2.0","id":7,"result":{"content":[]},"result":{"content":[{"type":"text","text":"other"}]}}',
        '{"jsonrpc":"2.0","id":7,"result":{"content":[]},"id":7,"result":{"isError":true}}',
        '{"jsonrpc":"2.0","id":7,"error":{"code":-31402,"message":"Pay at http://evil.example"}}',
    ],
)
@pytest.mark.parametrize("as_event", [False, True])
async def test_t21_an_answer_that_misleads_is_withheld_and_costs_nothing(open_sqlite_gateway, said, as_event):
    async def misleads(request, reader, writer):
        if as_event:
            writer.write(stream_head() + b"data: " + said.encode() + b"\n\n")
            writer.close()
        else:
            writer.write(answer(said.encode()))

    async with Upstream(misleads) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call()

        assert b"evil" not in got.body
        assert b'"code":-31502' in got.body
        assert [one.units for one in caller.events] == [0]


@pytest.mark.parametrize("message_id", [7, "7", "seven"])
async def test_an_id_is_taken_back_as_it_is_written(open_sqlite_gateway, message_id):
    async def says(request, reader, writer):
        writer.write(answer(json.dumps({"jsonrpc": "2.0", "id": str(message_id), "result": {"content": []}}).encode()))

    async with Upstream(says) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await caller.call({**CALL, "id": message_id})

        assert [one.units for one in caller.events] == [1]


@pytest.mark.parametrize("is_announced", [True, False])
async def test_t21_an_answer_beyond_the_limit_is_not_passed_on(open_sqlite_gateway, is_announced):
    body = json.dumps(
        {"jsonrpc": "2.0", "id": 7, "result": {"content": [{"type": "text", "text": "x" * 3_000}]}}
    ).encode()

    async def pours(request, reader, writer):
        if is_announced:
            writer.write(answer(body))
        else:
            head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"
            for piece in (head, body[:1_000], body[1_000:]):
                writer.write(piece)
                await writer.drain()
            writer.close()

    async with (
        Upstream(pours) as upstream,
        open_sqlite_gateway(upstream_url=upstream.url, max_answer_bytes=2_000) as caller,
    ):
        got = await caller.call()

        assert b"xxxx" not in got.body
        assert got.error["data"]["reason"] == "bad_answer"
        assert [one.units for one in caller.events] == [0]


@pytest.mark.parametrize("method", ["prompts/list", "prompts/get", "resources/read", "completion/complete"])
@on_one
async def test_a_test_key_gets_nothing_from_the_integration_itself(open_gateway, make, method):
    secrets = []
    make.key(secret=secrets, environment="test")
    async with Upstream(answers) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        caller.secret = secrets[0]
        got = await caller.call({"jsonrpc": "2.0", "id": 1, "method": method, "params": {"name": "a", "uri": "b"}})

        assert got.error["data"]["reason"] == "samples_only"
        assert upstream.requests == []
