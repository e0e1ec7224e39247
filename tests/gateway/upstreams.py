"""A scripted integration: an HTTP server in this process that writes exactly the bytes a test gives it."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import msgspec


@dataclass
class Request:
    """What arrived. headers: (lower-case name, value), repeats kept."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for given, value in self.headers if given == name), None)

    @property
    def message(self):
        return msgspec.json.decode(self.body)


Script = Callable[[Request, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Upstream:
    """`async with Upstream(script) as upstream`: the script answers each request on each connection.

    requests: all that arrived. connections: how many were opened. hung_up: set when a caller closes on us.
    """

    script: Script
    tls: ssl.SSLContext | None = None
    reads_bodies: bool = True
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self):
        self._tasks: set[asyncio.Task] = set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/mcp"
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader, writer):
        self.connections += 1
        self._tasks.add(asyncio.current_task())
        try:
            while not writer.is_closing():
                request = await read_request(reader, reads_body=self.reads_bodies)
                self.requests.append(request)
                await self.script(request, reader, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.hung_up.set()
        except asyncio.CancelledError:
            pass
        finally:
            writer.close()


async def read_request(reader, *, reads_body=True) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *lines = head.rstrip("\r\n").split("\r\n")
    method, target, _ = line.split(" ")
    headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    length = next((int(value) for name, value in headers if name == "content-length"), 0)
    return Request(method, target, headers, await reader.readexactly(length) if reads_body else b"")


def raw(*pieces: bytes, then_close: bool = False) -> Script:
    """Always the same bytes; then_close: and end the connection after them."""

    async def script(request, reader, writer):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if then_close:
            writer.close()

    return script


def answer(body: bytes, *, status: str = "200 OK", kind: str = "application/json", more: str = "") -> bytes:
    """A whole HTTP answer with a length."""
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def silence(request, reader, writer):
    """Never answers; ends when the caller hangs up."""
    while await reader.read(1 << 20):
        pass
    raise ConnectionResetError
