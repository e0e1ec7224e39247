"""Two small proxies: one adds a key for programs that cannot be told one, one breaks off in the middle of a call.

They read requests' heads and pass all else on as bytes.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

START_S = 10


def keyed_proxy(target: str, secret: str) -> AbstractContextManager[str]:
    """The address of a proxy to `target` (“host:port”) that adds `secret` as a bearer to each request.

    Host and Origin are rewritten only where they name the proxy itself. Whatever else a client puts there, such as the
    name of a hostile site, reaches the target as it is.
    """
    return _running(_Keyed(target, secret))


def breaking_proxy(target: str, word: str) -> AbstractContextManager[str]:
    """The address of a proxy to `target` that hangs up on whoever says `word` in a body."""
    return _running(_Breaking(target, word))


class _Proxy:
    def __init__(self, target: str) -> None:
        self._target = target
        self._tasks: set[asyncio.Task] = set()
        self._ends: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.authority = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        self._server.close()
        for end in self._ends:
            end.transport.abort()  # rather than cancelling a task, which asyncio would complain about
        await asyncio.gather(*self._tasks)

    def head(self, lines: list[bytes]) -> list[bytes]:
        """The request line and headers to send instead of those that came."""
        return [lines[0], *map(self._renamed, lines[1:])]

    def breaks_at(self, body: bytes) -> bool:
        """Whether to hang up instead of passing this on."""
        return False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of a client is one connection to the target; when either ends, both do."""
        self._tasks.add(asyncio.current_task())
        host, _, port = self._target.rpartition(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        ends = {writer, far_writer}
        self._ends |= ends
        ways = [
            asyncio.create_task(self._forth(reader, far_writer)),
            asyncio.create_task(_pump(far_reader, writer)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.close()
        for way in ways:
            way.cancel()
        await asyncio.wait(ways)
        self._ends -= ends
        self._tasks.discard(asyncio.current_task())

    async def _forth(self, reader: asyncio.StreamReader, far_writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                lines = (await reader.readuntil(b"\r\n\r\n"))[:-4].split(b"\r\n")
                body = await reader.readexactly(_length(lines))
                if self.breaks_at(body):
                    return
                far_writer.write(b"\r\n".join([*self.head(lines), b"", body]))
                await far_writer.drain()

    def _renamed(self, line: bytes) -> bytes:
        name, _, value = line.decode("latin-1").partition(":")
        ours = {"host": self.authority, "origin": f"http://{self.authority}"}
        if ours.get(name.lower()) == value.strip():
            return f"{name}: {value.strip().replace(self.authority, self._target)}".encode("latin-1")
        return line


class _Keyed(_Proxy):
    def __init__(self, target: str, secret: str) -> None:
        super().__init__(target)
        self._key = f"Authorization: Bearer {secret}".encode()

    def head(self, lines: list[bytes]) -> list[bytes]:
        return [*super().head(lines), self._key]


class _Breaking(_Proxy):
    def __init__(self, target: str, word: str) -> None:
        super().__init__(target)
        self._word = word.encode()

    def breaks_at(self, body: bytes) -> bool:
        return self._word in body


@contextmanager
def _running(proxy: _Proxy) -> Iterator[str]:
    """Runs it on a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(proxy.start(), loop).result(START_S)
        yield f"http://{proxy.authority}"
    finally:
        asyncio.run_coroutine_threadsafe(proxy.stop(), loop).result(START_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(START_S)
        loop.close()


def _length(lines: list[bytes]) -> int:
    fields = {line.partition(b":")[0].lower(): line.partition(b":")[2].strip() for line in lines[1:]}
    if b"transfer-encoding" in fields:
        raise NotImplementedError("a request's body must come with its length")
    return int(fields.get(b"content-length", b"0"))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
