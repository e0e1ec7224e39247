"""The side that a request came from: its body, read within limits, and whether it is still there."""

import asyncio
from typing import Protocol

from app.gateway.errors import Refused
from app.gateway.incoming import Headers
from app.gateway.upstream.problems import CallerGone, UpstreamProblem
from app.metering import attempts

UNASKED_BYTES = 64 * 1024
"""So much of a body is taken in before anybody has asked for it."""
GLANCE_BYTES = 64 * 1024
GLANCE_S = 0.25
POUR_BYTES = 32 * 1024 * 1024
POUR_S = 5.0


class CallerLeft(Exception):
    """The connection ended before the body did: there is nobody to answer."""


class Source(Protocol):
    """What a caller asks of the connection that its body comes from."""

    def hold(self) -> None:
        """No more of the body for now."""

    def go_on(self) -> None:
        """The rest is wanted; a client that asked before sending is told so."""


class _Nowhere:
    """The connection of a request that is over."""

    def hold(self) -> None: ...
    def go_on(self) -> None: ...


NOWHERE: Source = _Nowhere()


class Ended(Protocol):
    """What a caller who hangs up ends: an exchange with an integration, as a rule."""

    def fail(self, problem: UpstreamProblem) -> None:
        """End it."""


class Caller:
    """The caller of one request. size: bytes of the body so far; is_whole: whether that is all of it.

    The server calls `feed`, `end`, `spoil` and `leave`. What is left of the body waits on the other side, with the
    sender, until somebody here asks for it.
    """

    __slots__ = (
        "_allowed",
        "_exchange",
        "_first",
        "_flaw",
        "_has_left",
        "_is_poured_away",
        "_loop",
        "_more",
        "_source",
        "_waiter",
        "is_whole",
        "size",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, source: Source) -> None:
        self._loop = loop
        self._source = source
        self._first = b""
        self._more: bytearray | None = None
        self._allowed = UNASKED_BYTES
        self._exchange: Ended | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._flaw = ""
        self._has_left = False
        self._is_poured_away = False
        self.size = 0
        self.is_whole = False

    # For the gateway

    def whole_body(self, headers: Headers, *, max_bytes: int) -> bytes | None:
        """All of the body, if it is there; else `body` waits for it. Raises Refused when it is too large."""
        length = headers.get(b"content-length")
        if self.size > max_bytes or (length is not None and int(length) > max_bytes):
            raise _too_large(max_bytes)
        return self._data() if self.is_whole else None

    async def body(self, *, max_bytes: int, timeout_s: float) -> bytes:
        """All of the body. Raises Refused when it is too large or takes too long, CallerLeft."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._receive(max_bytes)
        except TimeoutError:
            raise Refused(attempts.TOO_SLOW, f"its body did not arrive within {timeout_s:g} seconds.") from None
        if self.size > max_bytes:
            raise _too_large(max_bytes)
        return self._data()

    async def glance(self) -> bytes:
        """What there is of the body, b"" if that is not all: to tell more about a request that is refused anyway."""
        try:
            async with asyncio.timeout(GLANCE_S):
                await self._receive(GLANCE_BYTES)
        except (TimeoutError, Refused):
            return b""
        return self._data() if self.is_whole else b""

    async def pour_away(self) -> None:
        """Receive the rest, up to a limit, and forget it.

        A client that is still sending while we close would see a reset instead of our answer.
        """
        self._is_poured_away = True
        self._first, self._more = b"", None
        try:
            async with asyncio.timeout(POUR_S):
                await self._receive(self.size + POUR_BYTES)
        except (TimeoutError, CallerLeft, Refused):
            return

    def waits_for(self, exchange: Ended) -> None:
        """From now on hanging up fails `exchange` with CallerGone, until `is_served`."""
        if self._has_left:
            exchange.fail(CallerGone())
        else:
            self._exchange = exchange

    def is_served(self) -> None:
        """The answer is done, or as far as it will get."""
        self._exchange = None

    # For the server

    def feed(self, data: bytes) -> None:
        """More of the body."""
        if not self._is_poured_away:
            if not self.size:
                self._first = data
            elif self._more is None:
                self._more = bytearray(self._first + data)
            else:
                self._more += data
        self.size += len(data)
        if self.size > self._allowed:
            self._source.hold()
        if self._waiter is not None:
            self._wake()

    def feed_whole(self, data: bytes) -> None:
        """All of the body at once, of a request that nobody has begun to answer."""
        self._first = data
        self.size = len(data)
        self.is_whole = True
        if self.size > self._allowed:
            self._source.hold()

    def end(self) -> None:
        """That was all of it."""
        self.is_whole = True
        if self._waiter is not None:
            self._wake()

    def spoil(self, why: str) -> None:
        """The rest of it cannot be read."""
        self._flaw = why
        self._wake()

    def leave(self) -> None:
        """The connection is gone."""
        self._has_left = True
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.fail(CallerGone())
        self._wake()

    def forget(self) -> None:
        """The answer is over: nothing more is asked of the connection."""
        self._source = NOWHERE

    async def _receive(self, limit: int) -> None:
        """Until the body is whole, or larger than `limit` bytes. Raises CallerLeft, Refused."""
        self._allowed = limit
        while not self.is_whole and self.size <= limit:
            if self._has_left:
                raise CallerLeft
            if self._flaw:
                raise Refused(attempts.MALFORMED, f"its body cannot be read: {self._flaw}.")
            self._source.go_on()
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _data(self) -> bytes:
        return self._first if self._more is None else bytes(self._more)


def _too_large(max_bytes: int) -> Refused:
    return Refused(attempts.TOO_LARGE, f"a body may have {max_bytes:,} bytes.")
