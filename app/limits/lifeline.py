"""How long ago something was, whatever happens to the clock, and also while process or machine stood still."""

import time
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

DEAD_SHARE = 0.5
"""A process stops using what it holds after this part of the time after which others take it for dead."""


def ticks() -> float:
    """Seconds that never run backwards and go on while the machine sleeps, where the system can tell."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class Lifeline:
    """Whether the others can still believe that this process lives. Asked on each call, told by one thread."""

    __slots__ = ("_lapse_s", "_shown_at")

    def __init__(self, *, dead_after_s: float) -> None:
        self._lapse_s = dead_after_s * DEAD_SHARE
        self._shown_at: float | None = None

    def shown(self, at: float | None) -> None:
        """A sign of life that began at `at` (ticks) was committed; None: what it stood for is gone."""
        self._shown_at = at

    @property
    def holds(self) -> bool:
        shown_at = self._shown_at
        return shown_at is not None and ticks() - shown_at < self._lapse_s


class Watch:
    """Who has shown no sign of life for too long, by the watcher's own clock, which must have run all that time.

    A sign is only compared with the one before, so no two clocks need agree; and a database that was away for long
    makes nobody look dead, because the watcher begins anew after a gap in what it saw.
    """

    def __init__(self, *, dead_after_s: float) -> None:
        self._dead_after_s = dead_after_s
        self._since: dict[UUID, tuple[datetime, float]] = {}
        self._looked_at: float | None = None

    def dead(self, signs: Mapping[UUID, datetime]) -> dict[UUID, datetime]:
        """signs: everybody's last sign of life, as read just now. Gives the dead, each with that sign."""
        now = ticks()
        if self._looked_at is not None and now - self._looked_at > self._dead_after_s / 2:
            self._since = {}
        self._looked_at = now
        known = self._since
        self._since = {
            who: known[who] if who in known and known[who][0] == sign else (sign, now) for who, sign in signs.items()
        }
        return {who: sign for who, (sign, since) in self._since.items() if now - since >= self._dead_after_s}
