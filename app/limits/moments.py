"""The moment that decides which day and month a call belongs to: the clock, but never back into one that is over."""

import logging
from datetime import datetime, timedelta

log = logging.getLogger(__name__)

FURTHEST = timedelta(hours=26)
"""A clock that was put back further had been far ahead by mistake, and is believed again."""


class Moments:
    """The latest moment seen so far is a high-water mark: a clock that is put back waits for itself there."""

    __slots__ = ("_latest",)

    def __init__(self) -> None:
        self._latest: datetime | None = None

    def at(self, now: datetime) -> datetime:
        """`now`, or the latest moment that this was asked for, whichever is later."""
        latest = self._latest
        if latest is None or now >= latest:
            self._latest = now
            return now
        if latest - now > FURTHEST:
            log.error("clock.put_back", extra={"seconds": int((latest - now).total_seconds())})
            self._latest = now
            return now
        return latest
