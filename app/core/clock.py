"""Time, always aware and always UTC. Services are given `now`; only the outermost layer asks the clock."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

log = logging.getLogger(__name__)

WORTH_SAYING_S = 60.0


def now() -> datetime:
    """This moment, aware UTC, with microseconds."""
    return datetime.now(UTC)


def hour_of(moment: datetime) -> datetime:
    """The start of the UTC hour that holds `moment`."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def day_of(moment: datetime) -> datetime:
    """The start of the UTC day that holds `moment`."""
    return hour_of(moment).replace(hour=0)


class Onward:
    """Time that never goes back, for what must not come to life again when the clock is set back: expired keys.

    It is the wall clock's, or where that lags behind what this process has seen of it, the latest seen and what has
    gone by since. So a clock that was ahead by mistake stays so in here until the process is started anew; that is
    logged.
    """

    def __init__(self, *, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._steady = steady
        self._latest, self._seen_at = wall(), steady()
        self._has_said = False

    def now_s(self) -> float:
        """Seconds since 1970."""
        wall, steady = self._wall(), self._steady()
        onward = self._latest + steady - self._seen_at
        if wall >= onward:
            self._latest, self._seen_at, self._has_said = wall, steady, False
            return wall
        if onward - wall > WORTH_SAYING_S and not self._has_said:
            log.warning("clock.went_back", extra={"seconds": round(onward - wall)})
            self._has_said = True
        return onward
