"""Kept-alive connections to one origin: reused newest first, bounded in number and in idle time."""

import asyncio
from collections import deque

from app.gateway.outbox import Outbox
from app.gateway.upstream.connection import Connection
from app.gateway.upstream.dialler import Dialler
from app.gateway.upstream.problems import Busy, TimedOut

IDLE_S = 4.0
"""Shorter than the 5 s after which uvicorn and Node close an idle connection, so that we are the one who closes."""
MAX_WAITING = 1024


class Pool:
    """Hands out connections to the origin that `dialler` reaches, at most `size` at a time."""

    def __init__(self, dialler: Dialler, *, outbox: Outbox, size: int, connect_s: float) -> None:
        self._dialler = dialler
        self._outbox = outbox
        self._size = size
        self._connect_s = connect_s
        self._loop = asyncio.get_running_loop()
        self._idle: deque[Connection] = deque()
        self._open = 0
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._sweeper: asyncio.TimerHandle | None = None

    @property
    def open_connections(self) -> int:
        return self._open

    def take_idle(self) -> Connection | None:
        """A connection that was kept, to carry one exchange; afterwards it comes back by itself, or is gone."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open and connection.good_until > self._loop.time():
                return connection
            connection.abort()
        return None

    async def take_new(self) -> Connection:
        """The same, opened for it, or handed on by somebody else when there may be no more.

        Raises Busy, Forbidden, Unreachable or TimedOut, all within twice connect_s.
        """
        if self._open < self._size:
            self._open += 1
            return await self._connect()
        if self._idle:
            self._idle.popleft().abort()
        handed = await self._wait_for_turn()
        if handed is None:
            return await self._connect()
        return handed if handed.is_open else await self.take_new()

    def close(self) -> None:
        """Close what is idle; what carries an exchange goes when that ends."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        while self._idle:
            self._idle.pop().abort()

    async def _connect(self) -> Connection:
        """Open a connection in a place that has already been counted."""
        connection = Connection(self._loop, outbox=self._outbox, on_free=self._take_back, on_lost=self._forget)
        try:
            async with asyncio.timeout(self._connect_s):
                await self._dialler.connect(connection)
        except BaseException as problem:
            self._give_place()
            if isinstance(problem, TimeoutError):
                raise TimedOut(f"no connection within {self._connect_s:g} s") from problem
            raise
        return connection

    async def _wait_for_turn(self) -> Connection | None:
        """A connection that somebody finished with, or None: a place that has been counted for us."""
        if len(self._waiting) >= MAX_WAITING:
            raise Busy(f"{MAX_WAITING} calls are already waiting for a connection")
        turn: asyncio.Future[Connection | None] = self._loop.create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._connect_s):
                return await turn
        except BaseException as problem:
            self._decline(turn)
            if isinstance(problem, TimeoutError):
                raise Busy(f"all {self._size} connections in use for {self._connect_s:g} s") from None
            raise

    def _decline(self, turn: "asyncio.Future[Connection | None]") -> None:
        """Leave the queue; what was handed over in the same moment goes to the next."""
        if turn in self._waiting:
            self._waiting.remove(turn)
        if turn.done() and not turn.cancelled():
            connection = turn.result()
            if connection is None:
                self._give_place()
            else:
                self._take_back(connection, None)

    def _next_in_line(self) -> "asyncio.Future[Connection | None] | None":
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                return turn
        return None

    def _give_place(self) -> None:
        turn = self._next_in_line()
        if turn is None:
            self._open -= 1
        else:
            turn.set_result(None)

    def _take_back(self, connection: Connection, keep_alive_s: float | None) -> None:
        idle_s = IDLE_S if keep_alive_s is None else min(IDLE_S, keep_alive_s - 1)
        if idle_s <= 0:
            connection.abort()
            return
        connection.good_until = self._loop.time() + idle_s
        turn = self._next_in_line() if self._waiting else None
        if turn is not None:
            turn.set_result(connection)
            return
        self._idle.append(connection)
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(IDLE_S, self._sweep)

    def _forget(self, connection: Connection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)
        self._give_place()

    def _sweep(self) -> None:
        now = self._loop.time()
        while self._idle and self._idle[0].good_until <= now:
            self._idle.popleft().abort()
        self._sweeper = self._loop.call_later(IDLE_S, self._sweep) if self._idle else None
