import json

import pytest

from app.gateway import envelope, mirrors
from app.gateway.envelope import Envelope
from app.gateway.errors import INVALID_PARAMS, Refused
from tests.gateway.gateways import CALL, LIST

VERSION = b"2026-07-28"


def parse(message) -> Envelope:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return envelope.parse(body, max_depth=64)


def test_a_call_names_its_tool_and_keeps_its_bytes():
    body = b' {"method" : "tools\\/call", "jsonrpc":"2.0","id":"x","params":{"name":"gr\\u0065et"}} '

    found = parse(body)

    assert (found.method, found.name, found.id) == ("tools/call", "greet", "x")
    assert found.is_metered
    assert found.wants_answer
    assert found.body is body


@pytest.mark.parametrize(
    ("message", "wants_answer"),
    [
        (LIST, True),
        ({"jsonrpc": "2.0", "method": "notifications/initialized"}, False),
        ({"jsonrpc": "2.0", "id": 3, "result": {}}, False),
        ({"jsonrpc": "2.0", "id": 3, "error": {"code": 1, "message": "no"}}, False),
        ({"jsonrpc": "2.0", "id": 3, "method": "made/up", "params": [1, 2]}, True),
        ({"jsonrpc": "2.0", "id": 3, "method": "resources/read"}, True),
    ],
)
def test_what_is_no_call_of_a_tool_is_free(message, wants_answer):
    found = parse(message)

    assert not found.is_metered
    assert found.wants_answer is wants_answer


def test_several_messages_are_left_to_be_taken_apart():
    with pytest.raises(envelope.Array) as array:
        parse([CALL, 1])

    assert array.value.messages == [CALL, 1]


@pytest.mark.parametrize(
    "message",
    [
        "text",
        None,
        7,
        {},
        {"id": 1, "method": "ping"},
        {"jsonrpc": "1.0", "id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "id": 1},
        {"jsonrpc": "2.0", "id": None, "method": "ping"},
        {"jsonrpc": "2.0", "id": True, "method": "ping"},
        {"jsonrpc": "2.0", "id": 1.5, "method": "ping"},
        {"jsonrpc": "2.0", "id": {}, "method": "ping"},
        {"jsonrpc": "2.0", "id": 1, "method": 5},
        {"jsonrpc": "2.0", "id": 1, "method": ""},
        {"jsonrpc": "2.0", "id": 1, "method": "ping", "result": {}},
        {"jsonrpc": "2.0", "id": 1, "method": "ping", "Method": "tools/call"},
        {"jsonrpc": "2.0", "id": 1, "result": {}, "METHOD": "tools/call"},
        {"jsonrpc": "2.0", "id": 1, "method": "ping", "param\u017f": {}},
        {"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "greet"}},
        {**CALL, "params": {"name": "cheap", "Name": "dear"}},
    ],
)
def test_what_is_not_one_clear_message_is_refused(message):
    with pytest.raises(Refused) as refused:
        parse(message)

    assert refused.value.status == 400


@pytest.mark.parametrize("params", [None, [], "x", {}, {"name": 1}, {"name": ""}, {"name": None}])
def test_a_call_must_name_a_tool(params):
    with pytest.raises(Refused) as refused:
        parse({**CALL, "params": params})

    assert refused.value.code == INVALID_PARAMS


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (json.dumps(CALL).encode(), (7, "tools/call", "greet")),
        (json.dumps(LIST).encode(), (1, "prompts/list", "")),
        (b"", (None, "", "")),
        (b"nonsense", (None, "", "")),
        (b"[1]", (None, "", "")),
        (b'{"id":{},"method":[],"params":3}', (None, "", "")),
        (b'{"id":true,"method":"tools/call","params":{"name":5}}', (None, "tools/call", "")),
    ],
)
def test_a_glance_never_fails(body, expected):
    assert envelope.glance(body) == expected


NAMED = {
    "prompts/get": {"name": "greet"},
    "tools/call": {"name": "greet"},
    "resources/read": {"uri": "greet"},
}


@pytest.mark.parametrize("method", NAMED)
@pytest.mark.parametrize("name", [b"greet", b"=?base64?Z3JlZXQ=?="])
def test_headers_that_agree_pass(method, name):
    found = parse({"jsonrpc": "2.0", "id": 1, "method": method, "params": NAMED[method]})

    mirrors.check({b"mcp-protocol-version": VERSION, b"mcp-method": method.encode(), b"mcp-name": name}, found)


@pytest.mark.parametrize(
    "headers",
    [
        {b"mcp-protocol-version": VERSION},
        {b"mcp-protocol-version": VERSION, b"mcp-method": b"tools/call"},
        {b"mcp-protocol-version": VERSION, b"mcp-name": b"greet"},
        {b"mcp-method": b"tools/list"},
        {b"mcp-method": b"Tools/Call"},
        {b"mcp-name": b"free_tool"},
        {b"mcp-name": b"=?base64?Z3JlZXQ?="},
        {b"mcp-name": b"=?base64?Z3JlZXR=?="},
        {b"mcp-name": b"=?base64?////?="},
        {b"mcp-name": b""},
    ],
)
def test_headers_that_contradict_or_lack_are_refused(headers):
    with pytest.raises(Refused) as refused:
        mirrors.check(headers, parse(CALL))

    assert (refused.value.status, refused.value.code) == (400, -32020)


def test_a_version_in_the_body_must_be_that_of_the_header():
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}
    found = parse({**LIST, "params": {"_meta": meta}})

    mirrors.check({}, found)
    with pytest.raises(Refused):
        mirrors.check({b"mcp-protocol-version": b"2025-11-25"}, found)


@pytest.mark.parametrize("version", [b"2025-11-25", b"2025-03-26", b"2099-01-01", b"nonsense"])
def test_other_revisions_need_no_mirrors(version):
    mirrors.check({b"mcp-protocol-version": version}, parse(CALL))


def test_responses_and_names_that_are_not_there_have_nothing_to_mirror():
    mirrors.check(
        {b"mcp-protocol-version": VERSION, b"mcp-method": b"x"}, parse({"jsonrpc": "2.0", "id": 1, "result": {}})
    )
    no_uri = parse({"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {}})
    mirrors.check({b"mcp-protocol-version": VERSION, b"mcp-method": b"resources/read"}, no_uri)
