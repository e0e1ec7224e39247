"""The upstream that stands in for nginx with Lua says the same."""

import json

import pytest

from bench import plain_upstream


def answered(message):
    head, _, body = plain_upstream.answer_to(json.dumps(message).encode()).partition(b"\r\n\r\n")
    return head, body


def test_call_is_answered_under_its_number():
    head, body = answered({"jsonrpc": "2.0", "id": 1000000000001, "method": "tools/call", "params": {"name": "echo"}})

    assert f"Content-Length: {len(body)}".encode() in head
    assert json.loads(body)["id"] == 1000000000001
    assert json.loads(body)["result"]["isError"] is False


@pytest.mark.parametrize("method", ["initialize", "server/discover", "tools/list", "ping"])
def test_discovery_has_a_result(method):
    _, body = answered({"jsonrpc": "2.0", "id": 1, "method": method})

    assert "result" in json.loads(body)


def test_unknown_method_is_an_error():
    _, body = answered({"jsonrpc": "2.0", "id": 1, "method": "tools/burn"})

    assert json.loads(body)["error"]["code"] == -32601


def test_notification_is_taken():
    head, body = answered({"jsonrpc": "2.0", "method": "notifications/initialized"})

    assert head.startswith(b"HTTP/1.1 202")
    assert body == b""
