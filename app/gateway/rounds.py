"""Looks after everybody who has been here for a while, a few times a second.

Nearly every request is over before the first look, so none of them pays for a timer or a task of its own.
"""

import asyncio
from time import monotonic

from app.gateway.caller import Caller

EVERY_S = 0.05
"""Who came since the last look is left alone until the next."""


class Rounds:
    """`here` holds who is being looked after: callers put themselves in and take themselves out."""

    def __init__(self) -> None:
        self.here: set[Caller] = set()
        self._before: set[Caller] = set()
        self._timer: asyncio.TimerHandle | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._timer = loop.call_later(EVERY_S, self._look)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        now = monotonic()
        for caller in self.here & self._before:
            if not caller.look(now):
                self.here.discard(caller)
        self._before = set(self.here)
        self._timer = self._loop.call_later(EVERY_S, self._look)
