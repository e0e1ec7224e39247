"""An integration that counts what it did: quick, and failing where a call asks it to."""

import asyncio
import re
from collections import Counter
from contextlib import asynccontextmanager

OK, RPC_ERROR, HTTP_500, HANGS_UP = "ok", "rpc_error", "http_500", "hangs_up"
"""What a call may ask for."""

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_ASKED = re.compile(rb'"id": ?(\d+).*"mode": ?"(\w+)"', re.S)


class Upstream:
    """done: how often each call, by its id, was executed and answered with a result. asked: by what was asked for.

    delay_s: between a request and its answer; so many calls are under way at any moment.
    """

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self.done: Counter[int] = Counter()
        self.asked: Counter[str] = Counter()
        self.url = ""


class _Connection(asyncio.Protocol):
    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._loop = asyncio.get_running_loop()
        self._received = b""

    def connection_made(self, transport):
        self._transport = transport

    def data_received(self, data):
        self._received += data
        head, found, rest = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        size = int(length[1]) if length else 0
        if found and len(rest) >= size:
            self._received = rest[size:]
            self._serve(rest[:size])

    def _serve(self, body: bytes) -> None:
        asked = _ASKED.search(body)
        number, mode = (int(asked[1]), asked[2].decode()) if asked else (0, RPC_ERROR)
        self._upstream.asked[mode] += 1
        self._loop.call_later(self._upstream.delay_s, self._answer, number, mode)

    def _answer(self, number: int, mode: str) -> None:
        if self._transport.is_closing():
            return
        if mode == HANGS_UP:
            self._transport.abort()
        elif mode == HTTP_500:
            self._transport.write(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n")
        elif mode == RPC_ERROR:
            self._send(b'{"jsonrpc":"2.0","id":%d,"error":{"code":-32603,"message":"It broke."}}' % number)
        else:
            self._upstream.done[number] += 1
            self._send(b'{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":"Hello"}]}}' % number)

    def _send(self, body: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        self._transport.write(head + body)


@asynccontextmanager
async def counting(*, delay_s: float = 0.005):
    """A running one."""
    upstream = Upstream(delay_s)
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(upstream), "127.0.0.1", 0)
    upstream.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
    try:
        yield upstream
    finally:
        server.close()
