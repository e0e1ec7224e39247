"""One connection to an integration: carries one exchange at a time."""

import asyncio
from collections.abc import Callable
from math import inf
from typing import cast

from app.gateway.outbox import Outbox
from app.gateway.upstream.exchange import Exchange
from app.gateway.upstream.memo import Head
from app.gateway.upstream.problems import BrokeOff, UpstreamProblem

COPY_BELOW_BYTES = 64 * 1024
"""A smaller body leaves in one piece with its head."""


class Connection(asyncio.Protocol):
    """Between asyncio's transport and the exchange in hand.

    A request's body is whole and bounded when it gets here, so it is written at once; what needs back-pressure is the
    answer, and the exchange asks for it by pause_reading.
    """

    __slots__ = (
        "_exchange",
        "_known",
        "_looks_at",
        "_loop",
        "_on_free",
        "_on_lost",
        "_outbox",
        "_timer",
        "_transport",
        "_unsent",
        "good_until",
        "was_used",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        outbox: Outbox,
        on_free: Callable[["Connection", float | None], None],
        on_lost: Callable[["Connection"], None],
    ) -> None:
        """outbox: by which requests leave. on_free: told for how many seconds the other side keeps it open, if it said
        so. on_lost: once, when gone.
        """
        self._loop = loop
        self._outbox = outbox
        self._unsent: tuple[bytes, ...] = ()
        self._on_free = on_free
        self._on_lost = on_lost
        self._exchange: Exchange | None = None
        self._known: Head | None = None
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._looks_at = inf
        self.good_until = 0.0
        self.was_used = False

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def carry(self, exchange: Exchange, head: bytes, body: bytes) -> None:
        """Send a request and give its exchange what comes back.

        Raises UpstreamProblem, with nothing sent, if the exchange had failed before.
        """
        if self._transport is None:
            raise BrokeOff("closed before anything was sent")
        try:
            exchange.carried_by(self)
        except UpstreamProblem:
            self._on_free(self, None)
            raise
        self._exchange = exchange
        self._unsent = (head + body,) if len(body) < COPY_BELOW_BYTES else (head, body)
        self._outbox.add(self)

    def flush(self) -> None:
        """Send the request that waits for it, if it is still wanted."""
        pieces, self._unsent = self._unsent, ()
        if self._transport is not None:
            for piece in pieces:
                self._transport.write(piece)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class, not registered as one

    def data_received(self, data: bytes) -> None:
        exchange, known = self._exchange, self._known
        if exchange is None:
            self.abort()  # nobody asked for anything
        elif not exchange.heard_nothing:
            exchange.feed(data)
        elif known is not None and known.size == len(data) and data.startswith(known.data):
            exchange.recall(known, data)
        else:
            exchange.feed(data)
            self._known = exchange.head_in(data) if self._exchange is None and self.is_open else None

    def connection_lost(self, exc: Exception | None) -> None:
        exchange, self._exchange = self._exchange, None
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        self._on_lost(self)
        if exchange is not None:
            exchange.connection_ended(BrokeOff(f"connection ended: {exc or 'closed by the integration'}"))

    # Carrier, for the exchange

    def look_at(self, when: float) -> None:
        """Have the exchange in hand checked then. The timer is the connection's: a new exchange finds it running, and
        it looks in vain now and then, which costs less than one for each call.
        """
        if when < self._looks_at:
            if self._timer is not None:
                self._timer.cancel()
            self._looks_at = when
            self._timer = self._loop.call_at(when, self._look)

    def _look(self) -> None:
        self._timer, self._looks_at = None, inf
        if self._exchange is not None:
            self._exchange.check()

    def pause_reading(self) -> None:
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def finished(self, *, is_reusable: bool) -> None:
        keep_alive_s = self._exchange.keep_alive_s if self._exchange is not None else None
        self._exchange = None
        self.was_used = True
        # An answer may come before the request is fully sent; what is left of it must not meet the next exchange.
        is_sent = not self._unsent and self._transport is not None and self._transport.get_write_buffer_size() == 0
        if is_reusable and is_sent:
            self._on_free(self, keep_alive_s)
        else:
            self.abort()

    def abort(self) -> None:
        """Close at once, without sending what is still buffered."""
        self._exchange = None
        self._unsent = ()
        if self._transport is not None:
            self._transport.abort()
