"""The answer on its way to the caller: what has been sent, and what can therefore still be said."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

Send = Callable[[dict[str, Any]], Awaitable[None]]
HeaderList = list[tuple[bytes, bytes]]
HeaderItems = Sequence[tuple[bytes, bytes]]


class Reply:
    """One HTTP answer. size: bytes of its body so far; status: 0 until it is started."""

    __slots__ = ("_send", "is_finished", "request_id", "size", "status")

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self.request_id = request_id
        self.status = 0
        self.size = 0
        self.is_finished = False

    @property
    def is_started(self) -> bool:
        return self.status != 0

    async def start(self, status: int, headers: HeaderList) -> None:
        """Send status and headers; ours are added."""
        self.status = status
        headers.append((b"postern-request-id", self.request_id.encode()))
        headers.append((b"x-content-type-options", b"nosniff"))
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def write(self, data: bytes) -> None:
        """Send a part; waits while the caller reads slowly."""
        if data:
            self.size += len(data)
            await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self, data: bytes = b"") -> None:
        """Send the last part."""
        self.size += len(data)
        self.is_finished = True
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def whole(
        self, status: int, body: bytes, *, kind: bytes = b"application/json", more: HeaderItems = ()
    ) -> None:
        """A complete answer of our own, never to be cached."""
        await self.begin(status, len(body), kind=kind, more=more)
        await self.finish(body)

    async def begin(
        self, status: int, length: int, *, kind: bytes = b"application/json", more: HeaderItems = ()
    ) -> None:
        """The head of an answer of our own with a body of `length` bytes, which the caller of this sends."""
        headers = [(b"content-type", kind), (b"content-length", b"%d" % length), (b"cache-control", b"no-store")]
        await self.start(status, [*headers, *more])
