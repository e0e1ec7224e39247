"""The answer to a request as it arrives, for whoever wants it; app/gateway/upstream/exchange.py fills it."""

import asyncio
from collections import deque

from app.gateway.upstream.limits import Limits
from app.gateway.upstream.memo import Head
from app.gateway.upstream.parties import Carrier, Listener
from app.gateway.upstream.problems import UpstreamProblem


class Answer:
    """`status` and `headers` once `head()` returns, then `read()` until b"".

    headers: (lower-case name, value) in the order sent, repeats kept; fields: the same by name, the last of repeats.
    listener: told of news, instead of waiting for it. known: the head that it has had before, if so.
    """

    status = 0
    keep_alive_s: float | None = None
    listener: Listener | None = None
    known: Head | None = None
    _problem: UpstreamProblem | None = None
    _waiter: asyncio.Future[None] | None = None
    _carrier: Carrier | None = None
    _buffered = 0
    _has_head = _is_complete = _is_paused = False

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: Limits) -> None:
        self._loop = loop
        self._limits = limits
        self._ends_at = loop.time() + limits.total_s
        self._chunks: deque[bytes] = deque()
        self.headers: list[tuple[bytes, bytes]] = []
        self.fields: dict[bytes, bytes] = {}

    @property
    def most_bytes(self) -> int:
        """How large one message in it may be: whoever puts the pieces together looks to it."""
        return self._limits.most_bytes

    @property
    def is_exhausted(self) -> bool:
        """Whether the whole answer has arrived and been read: `read` would give b"" at once."""
        return self._is_complete and not self._chunks

    @property
    def is_whole(self) -> bool:
        """Whether all of the answer has arrived."""
        return self._is_complete

    def may_fit(self, most_bytes: int) -> bool:
        """Whether more of it may come, and so little has that it may still be read at once."""
        return self._problem is None and self._buffered <= most_bytes

    @property
    def has_more(self) -> bool:
        """Whether `read` would give something at once."""
        return bool(self._chunks)

    async def head(self) -> None:
        """Wait for status and headers. Raises UpstreamProblem."""
        while not self._has_head:
            await self._news()

    async def read(self) -> bytes:
        """What has arrived since the last time, waiting for some; b"" at the end. Raises UpstreamProblem."""
        while not self._chunks:
            if self._is_complete:
                return b""
            await self._news()
        return self.take()

    def take(self) -> bytes:
        """What has arrived since the last time, b"" for nothing."""
        if not self._chunks:
            return b""
        data = self._chunks.popleft() if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._buffered = 0
        if self._is_paused and self._carrier is not None:
            self._is_paused = False
            self._carrier.resume_reading()
        return data

    def put_back(self, data: bytes) -> None:
        """What was taken last, for whoever reads next."""
        if data:
            self._chunks.appendleft(data)

    def _news(self) -> asyncio.Future[None]:
        """Settled when more has come. Raises UpstreamProblem when none will."""
        if self._problem is not None:
            raise self._problem
        self._waiter = self._loop.create_future()
        return self._waiter

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _tell(self) -> None:
        if self.listener is not None:
            self.listener.news()
