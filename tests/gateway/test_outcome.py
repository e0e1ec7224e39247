import json

import pytest

from app.gateway import outcome
from app.gateway.outcome import Transcript


def response(**parts):
    return json.dumps({"jsonrpc": "2.0", "id": 1, **parts}).encode()


UNKNOWN = [
    "Unknown tool: greet",  # mcp 1.x and 2.3, FastMCP
    "MCP error -32602: Tool greet not found",  # TypeScript SDK
    "Error processing query: Unknown tool: greet",  # mcp-server-time
    "No such tool",
]


@pytest.mark.parametrize("text", UNKNOWN)
def test_an_unknown_tool_is_told_from_other_errors(text):
    as_result = outcome.of_message(response(result={"isError": True, "content": [{"type": "text", "text": text}]}))
    as_error = outcome.of_message(response(error={"code": -32602, "message": text}))

    assert (as_result.status, as_result.error_class) == ("tool_error", "unknown_tool")
    assert (as_error.status, as_error.error_class) == ("protocol_error", "unknown_tool")


def test_words_in_a_good_result_are_not_looked_at():
    found = outcome.of_message(response(result={"content": [{"type": "text", "text": "Unknown tool: x"}]}))

    assert found == outcome.OK


@pytest.mark.parametrize(
    ("code", "error_class"),
    [(-32601, "method_not_found"), (-32022, "unsupported_version"), (-31000, "rpc_error"), ("x", "rpc_error")],
)
def test_errors_have_short_names(code, error_class):
    assert outcome.of_message(response(error={"code": code, "message": "no"})).error_class == error_class


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"[]",
        b"{}",
        b'{"jsonrpc":"2.0","id":1}',
        b'{"jsonrpc":"2.0","id":1,"result":null}',
        b'{"jsonrpc":"2.0","id":1,"result":"text"}',
        b'{"jsonrpc":"2.0","method":"x","id":1,"params":{"result":{}}}',
        b'{"jsonrpc":"2.0","id":1,"error":"text"}',
        b"[" * 100_000,
        b'{"a":"\xff"}',
    ],
)
def test_what_is_no_response_is_none(body):
    assert outcome.of_message(body) is None


@pytest.mark.parametrize("flag", ["yes", 1, None, "true"])
def test_only_true_is_an_error(flag):
    assert outcome.of_message(response(result={"isError": flag})) == outcome.OK


def test_a_text_that_quotes_an_error_is_none():
    quoted = response(result={"content": json.dumps({"isError": True}), "x": "y" * 3_000_000})

    assert outcome.of_edges(quoted[:4096], quoted[-4096:]) == outcome.OK


@pytest.mark.parametrize("size", [1, 1_000, 100_000])
def test_a_transcript_of_any_length_knows_its_outcome(size):
    body = response(result={"content": "x" * 3_000_000, "isError": True})
    transcript = Transcript()
    for at in range(0, len(body), max(size, 1_000)):
        transcript.feed(body[at : at + max(size, 1_000)])

    assert transcript.size == len(body)
    assert transcript.outcome().status == "tool_error"
