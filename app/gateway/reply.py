"""The answer on its way to the caller: what has been sent, and what can therefore still be said."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

HeaderList = list[tuple[bytes, bytes]]
HeaderItems = Sequence[tuple[bytes, bytes]]

_NO_SNIFFING = (b"x-content-type-options", b"nosniff")


class Outlet(Protocol):
    """What an answer asks of the connection it leaves by. Nothing here waits, or fails when the caller is gone."""

    def start(self, status: int, headers: HeaderList, *, is_followed: bool = False) -> None:
        """Send the head. Without a content-length the body is framed as the caller's version of HTTP has it.

        is_followed: a part of the body comes at once, and the head may leave with it.
        """

    def send(self, data: bytes) -> None:
        """Send a part of the body."""

    def finish(self, data: bytes) -> None:
        """Send the last part, and be done."""

    def whole(self, status: int, headers: HeaderList, body: bytes) -> None:
        """Send everything at once; a content-length is among the headers."""

    def room(self) -> asyncio.Future[None] | None:
        """Settled once there is room for more; None while there is."""


class Reply:
    """One HTTP answer. size: bytes of its body so far; status: 0 until it is started. more: headers of ours for it."""

    __slots__ = ("_outlet", "is_finished", "more", "request_id", "size", "status")

    def __init__(self, outlet: Outlet, request_id: str) -> None:
        self._outlet = outlet
        self.request_id = request_id
        self.status = 0
        self.size = 0
        self.is_finished = False
        self.more: HeaderItems = ()

    @property
    def is_started(self) -> bool:
        return self.status != 0

    def through(self, between: Callable[[Outlet], Outlet]) -> None:
        """Let all that is sent from now on pass something that changes it."""
        self._outlet = between(self._outlet)

    async def start(self, status: int, headers: HeaderList, *, is_followed: bool = False) -> None:
        """Send status and headers; ours are added. is_followed: they may leave with the first part, which is there."""
        self.status = status
        self._outlet.start(status, self._with_ours(headers), is_followed=is_followed)

    async def write(self, data: bytes) -> None:
        """Send a part; waits while the caller reads slowly."""
        if data:
            self.size += len(data)
            self._outlet.send(data)
            room = self._outlet.room()
            if room is not None:
                await room

    async def finish(self, data: bytes = b"") -> None:
        """Send the last part."""
        self.size += len(data)
        self.is_finished = True
        self._outlet.finish(data)

    def at_once(self, status: int, headers: HeaderList, body: bytes) -> None:
        """All of an answer, whose length is among its headers."""
        self.status = status
        self.size = len(body)
        self.is_finished = True
        ours = (b"postern-request-id", self.request_id.encode())
        self._outlet.whole(status, [*headers, *self.more, ours, _NO_SNIFFING], body)

    async def whole(
        self, status: int, body: bytes, *, kind: bytes = b"application/json", more: HeaderItems = ()
    ) -> None:
        """A complete answer of our own, never to be cached."""
        self.at_once(status, [*_of_ours(len(body), kind), *more], body)

    async def begin(
        self, status: int, length: int, *, kind: bytes = b"application/json", more: HeaderItems = ()
    ) -> None:
        """The head of an answer of our own with a body of `length` bytes, which the caller of this sends."""
        await self.start(status, [*_of_ours(length, kind), *more])

    def _with_ours(self, headers: HeaderList) -> HeaderList:
        headers.extend(self.more)
        headers.append((b"postern-request-id", self.request_id.encode()))
        headers.append(_NO_SNIFFING)
        return headers


def _of_ours(length: int, kind: bytes) -> HeaderList:
    return [(b"content-type", kind), (b"content-length", b"%d" % length), (b"cache-control", b"no-store")]
