"""What all connections of one server share: its limits, who is connected, and who is being answered."""

import asyncio
from collections.abc import Callable
from email.utils import formatdate
from time import monotonic
from typing import Protocol

from app.gateway.caller import Caller
from app.gateway.incoming import Incoming
from app.gateway.outbox import Outbox
from app.gateway.reply import Reply
from app.gateway.server.limits import Limits


class Work(Protocol):
    """What answers a request."""

    def cancel(self) -> object:
        """Stop it: its end is told all the same."""


Begin = Callable[[Incoming, Caller, Reply, Callable[[], None]], Work]
"""Begins to answer a request, and tells once, later, that there is no more to come."""

LOOK_EVERY_S = 0.25
"""One timer looks after everybody, because one for each request would cost more than most of what the server does."""


class Member(Protocol):
    """A connection, as its server sees it."""

    until: float

    def expire(self) -> None: ...
    def drain(self) -> None: ...
    def abort(self) -> None: ...


class Answering(Protocol):
    """A request that is being answered."""

    work: Work


class Service:
    """members: every connection that is served. turned_away: those for whom there was no room, on their way out.
    turns: every request that is being answered, its caller still there or not.

    date: the Date header of this second, with its end. outbox: by which answers leave.
    """

    def __init__(self, begin: Begin, limits: Limits) -> None:
        self.begin = begin
        self.limits = limits
        self.members: set[Member] = set()
        self.turned_away: set[Member] = set()
        self.turns: set[Answering] = set()
        self.is_draining = False
        self.date = b""
        self._timer: asyncio.TimerHandle | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to look after connections that `loop` makes."""
        self.loop = loop
        self.outbox = Outbox(loop)
        self._look()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    @property
    def is_full(self) -> bool:
        return len(self.members) >= self.limits.connections

    def drain(self) -> None:
        """No more requests: whoever is being answered is served to the end, everybody else has to go."""
        self.is_draining = True
        for member in [*self.members, *self.turned_away]:
            member.drain()

    def abort(self) -> None:
        """Cut off whoever is still here."""
        for member in [*self.members, *self.turned_away]:
            member.abort()

    def _look(self) -> None:
        now = monotonic()
        self.date = b"date: " + formatdate(usegmt=True).encode() + b"\r\n"
        due = [member for members in (self.members, self.turned_away) for member in members if member.until < now]
        for member in due:
            member.expire()
        self._timer = self.loop.call_later(LOOK_EVERY_S, self._look)
