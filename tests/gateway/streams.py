"""Streams of events as upstreams of tests send them."""

import json

from tests.gateway.upstreams import chunk, raw

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nset-cookie: a=b\r\ntransfer-encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
PROGRESS = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "progress": 0.5}}


def event(message, *, end="\r\n", event_id=None) -> bytes:
    said = message if isinstance(message, str) else json.dumps(message)
    lines = ["event: message", *([f"id: {event_id}"] if event_id else []), f"data: {said}", "", ""]
    return end.join(lines).encode()


def stream(*events: bytes):
    return raw(HEAD, *[chunk(one) for one in events], END)
