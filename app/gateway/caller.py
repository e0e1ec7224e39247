"""The side that a request came from: its body, read within limits, and whether it is still there."""

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from time import monotonic
from typing import Any

from app.gateway.errors import Refused
from app.gateway.incoming import Headers
from app.gateway.upstream.exchange import Exchange
from app.gateway.upstream.problems import CallerGone
from app.metering import attempts

Receive = Callable[[], Awaitable[dict[str, Any]]]

GLANCE_BYTES = 64 * 1024
GLANCE_S = 0.25
POUR_BYTES = 32 * 1024 * 1024
POUR_S = 5.0


class CallerLeft(Exception):
    """The connection ended before the body did: there is nobody to answer."""


class Caller:
    """The caller of one request. size: bytes of the body so far; is_whole: whether that is all of it."""

    __slots__ = (
        "_deadline",
        "_exchange",
        "_is_late",
        "_loop",
        "_pieces",
        "_receive",
        "_task",
        "_watch",
        "is_whole",
        "size",
    )

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop) -> None:
        self._receive = receive
        self._loop = loop
        self._pieces: list[bytes] = []
        self._deadline = inf
        self._is_late = False
        self._task: asyncio.Task[Any] | None = None
        self._exchange: Exchange | None = None
        self._watch: asyncio.Task[None] | None = None
        self.size = 0
        self.is_whole = False

    async def body(self, headers: Headers, *, max_bytes: int, timeout_s: float) -> bytes:
        """All of the body. Raises Refused when it is too large or takes too long, CallerLeft."""
        length = headers.get(b"content-length")
        if length is not None and int(length) > max_bytes:
            raise _too_large(max_bytes)
        self._task = asyncio.current_task(self._loop)
        self._deadline = monotonic() + timeout_s
        try:
            await self._next()
            while self.size <= max_bytes and not self.is_whole:
                await self._next()
        except asyncio.CancelledError:
            if not self._is_late or self._task is None or self._task.uncancel():
                raise
            raise Refused(attempts.TOO_SLOW, f"its body did not arrive within {timeout_s:g} seconds.") from None
        finally:
            self._deadline = inf
        if self.size > max_bytes:
            raise _too_large(max_bytes)
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)

    async def glance(self) -> bytes:
        """What there is of the body, b"" if that is not all: to tell more about a request that is refused anyway."""
        try:
            async with asyncio.timeout(GLANCE_S):
                while not self.is_whole and self.size < GLANCE_BYTES:
                    await self._next()
        except TimeoutError:
            return b""
        return b"".join(self._pieces) if self.is_whole else b""

    async def pour_away(self) -> None:
        """Receive the rest, up to a limit, and forget it.

        A client that is still sending while we close would see a reset instead of our answer.
        """
        limit = self.size + POUR_BYTES
        try:
            async with asyncio.timeout(POUR_S):
                while not self.is_whole and self.size < limit:
                    self._pieces.clear()
                    await self._next()
        except (TimeoutError, CallerLeft):
            return

    def waits_for(self, exchange: Exchange) -> None:
        """From now on hanging up fails `exchange` with CallerGone, until `is_served`."""
        self._exchange = exchange

    def is_served(self) -> None:
        """The answer is done, or as far as it will get."""
        self._exchange = None
        if self._watch is not None:
            self._watch.cancel()

    def look(self, now: float) -> bool:
        """One look at a caller who has been here for a while (rounds.py); gives whether another is needed.

        now: by the monotonic clock.
        """
        if self._deadline < now and self._task is not None:
            self._is_late = True
            self._task.cancel()
        if self._exchange is None:
            return True
        self._watch = self._loop.create_task(self._until_gone(self._exchange))
        return False

    async def _until_gone(self, exchange: Exchange) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        exchange.fail(CallerGone())

    async def _next(self) -> None:
        message = await self._receive()
        if message["type"] != "http.request":
            raise CallerLeft
        piece = message.get("body", b"")
        self._pieces.append(piece)
        self.size += len(piece)
        self.is_whole = not message.get("more_body")


def _too_large(max_bytes: int) -> Refused:
    return Refused(attempts.TOO_LARGE, f"a body may have {max_bytes:,} bytes.")
