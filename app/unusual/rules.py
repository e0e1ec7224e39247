"""What counts as unusual use, in numbers and in words. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from app.core.errors import Invalid

RATE, ERRORS, COUNTRY, CLIENT, SILENT = "rate", "errors", "country", "client", "silent"
WORDS = {
    RATE: "Unusually many calls",
    ERRORS: "Many calls fail",
    COUNTRY: "A key is used from a new country",
    CLIENT: "A key is used by a new client",
    SILENT: "A key has gone silent",
}
PLACES = (COUNTRY, CLIENT)
BOUNDS = {
    "factor": (2, 100),
    "rate_calls": (1, 1_000_000),
    "error_percent": (1, 100),
    "error_calls": (1, 1_000_000),
    "silent_days": (1, 60),
}
RESOLVED = {
    RATE: "It is over once a whole hour was as usual. If these calls are not yours, disable the key that makes them.",
    ERRORS: "It is over once a whole hour went better. Each call says why it failed.",
    COUNTRY: "If it is yours, nothing needs to be done. If not, give the key a new secret without overlap: the old one "
    "stops within a second.",
    CLIENT: "If it is yours, nothing needs to be done. If not, give the key a new secret without overlap: the old one "
    "stops within a second.",
    SILENT: "It is over with the key’s next call. Look whether its program still runs; a key that nobody needs is best "
    "revoked.",
}
"""What ends each, or what to do."""

WEEK, HOURS_OF_WEEK = 7, 7 * 24
KNOWN_AFTER = timedelta(days=3)
"""Who called for the first time later than so long ago has no usual rate yet."""
SETTLED_AFTER = timedelta(days=1)
"""Whatever uses a key within so long of its first use is new with it, and alerts nobody."""
REGULAR_DAYS, REGULAR_WITHIN = 5, 14
"""A key is in regular use that was used on so many of so many days."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What an organisation wants to be told of. off: rules that are off.

    factor: so many times the usual rate is unusual, from rate_calls an hour on. error_percent: of at least error_calls
    within an hour. silent_days: without a call by a key in regular use.
    """

    off: frozenset[str] = frozenset()
    factor: int = 5
    rate_calls: int = 500
    error_percent: int = 20
    error_calls: int = 50
    silent_days: int = 7

    def has(self, rule: str) -> bool:
        """Whether the rule is on."""
        return rule not in self.off

    @property
    def said(self) -> dict[str, str]:
        """For the audit log, one line for each rule."""
        return {
            RATE: self._said(RATE, f"{self.factor} times the usual, from {self.rate_calls:,} calls an hour on"),
            ERRORS: self._said(ERRORS, f"{self.error_percent} % of at least {self.error_calls:,} calls an hour"),
            COUNTRY: self._said(COUNTRY, "on"),
            CLIENT: self._said(CLIENT, "on"),
            SILENT: self._said(SILENT, f"for {self.silent_days} days"),
        }

    def _said(self, rule: str, words: str) -> str:
        return words if self.has(rule) else "off"


USUAL = Choice()
"""For whoever has chosen nothing."""


def check(choice: Choice) -> None:
    """Raises Invalid for a number out of BOUNDS."""
    for name, (least, most) in BOUNDS.items():
        if not least <= getattr(choice, name) <= most:
            raise Invalid(f"Write a whole number from {least:,} to {most:,}.")


def usual_rate(same_time: Mapping[int, int], week: int) -> int:
    """Calls an hour that are usual: the most there were at the same time of day in the week before, or the average
    hour of that week, if that is more.

    same_time: calls by hours back, for those of SAME_TIME in which there were any. week: calls of all its hours.
    """
    return max([*(same_time.get(back, 0) for back in SAME_TIME), week // HOURS_OF_WEEK])


SAME_TIME = tuple(24 * day + shift for day in range(1, WEEK + 1) for shift in (-1, 0, 1))
"""Hours back at which it was about the same time of day: a job that begins late is not unusual."""


def is_unusual_rate(calls: int, usual: int, choice: Choice) -> bool:
    """calls: of an hour, or of as much of it as has gone by. usual: as usual_rate has it."""
    return calls >= choice.rate_calls and calls > choice.factor * usual


def is_unusual_share(errors: int, calls: int, choice: Choice) -> bool:
    """The same of calls that failed."""
    return calls >= choice.error_calls and 100 * errors >= choice.error_percent * calls
