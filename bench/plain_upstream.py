"""The upstream of the benchmark without nginx: the answers of upstream.lua from a bare asyncio.Protocol.

Run as `python -m bench.plain_upstream PORT`. About half as fast as nginx with Lua, so it may limit what is measured.
"""

import asyncio
import re
import sys

import httptools
import uvloop

TOOL = (
    b'{"name":"echo","description":"Says it again.",'
    b'"inputSchema":{"type":"object","properties":{"text":{"type":"string"}}}}'
)
SERVER = b'"capabilities":{"tools":{}},"serverInfo":{"name":"bench","version":"1"}'
RESULTS = {
    b"initialize": b'{"protocolVersion":"2025-11-25",' + SERVER + b"}",
    b"server/discover": b'{"resultType":"complete","supportedVersions":["2026-07-28"],'
    + SERVER
    + b',"ttlMs":0,"cacheScope":"private"}',
    b"tools/list": b'{"resultType":"complete","tools":[' + TOOL + b'],"ttlMs":0,"cacheScope":"private"}',
    b"tools/call": b'{"resultType":"complete","content":[{"type":"text",'
    b'"text":"hello there, this is an echo of some words"}],"isError":false}',
    b"ping": b"{}",
}
_ID = re.compile(rb'"id": ?(\d+)')
_METHOD = re.compile(rb'"method": ?"([\w/]+)"')


class Connection(asyncio.Protocol):
    """One caller. Answers each request when its body is whole."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._body = b""
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self._transport.write(answer_to(self._body))  # type: ignore[attr-defined]  # TCP transports write
        self._body = b""


def answer_to(body: bytes) -> bytes:
    """The whole HTTP answer to a JSON-RPC request; 202 to a notification."""
    found = _ID.search(body)
    if found is None:
        return b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
    method = _METHOD.search(body)
    result = RESULTS.get(method[1] if method else b"")
    rest = b'"result":' + result if result else b'"error":{"code":-32601,"message":"Method not found"}'
    answer = b'{"jsonrpc":"2.0","id":' + found[1] + b"," + rest + b"}"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(answer)
    return head + answer


async def serve(port: int) -> None:
    """Listen on loopback until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
