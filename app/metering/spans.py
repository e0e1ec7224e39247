"""Stretches of time that usage is shown for: whole UTC hours and days, by a name that stands in addresses.

Up to three days are shown by hour, all that is longer by day, and then from midnight to midnight.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from app.core import clock
from app.core.errors import Invalid

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TODAY, HOURS_24, DAYS_7, DAYS_30, DAYS_90, MONTH, CUSTOM = "today", "24h", "7d", "30d", "90d", "month", "custom"
WORDS = {
    TODAY: "Today",
    HOURS_24: "24 hours",
    DAYS_7: "7 days",
    DAYS_30: "30 days",
    DAYS_90: "90 days",
    MONTH: "This month",
}
USUAL = DAYS_30
_DAYS = {DAYS_7: 7, DAYS_30: 30, DAYS_90: 90}
_BY_HOUR_UP_TO = 3 * DAY
LONGEST = 400 * DAY
_NAMED = re.compile(r"(?a)\d{4}-\d\d-\d\d(T\d\d)?")


@dataclass(frozen=True, slots=True)
class Span:
    """[since, until): whole hours, or whole days where step is a day. name: of those above. now: when it was asked."""

    name: str
    since: datetime
    until: datetime
    now: datetime

    @property
    def step(self) -> timedelta:
        """HOUR or DAY."""
        return HOUR if self.until - self.since <= _BY_HOUR_UP_TO else DAY

    @property
    def is_by_hour(self) -> bool:
        """Whether its steps are hours."""
        return self.step == HOUR

    @property
    def steps(self) -> list[datetime]:
        """Where each begins, oldest first."""
        return [self.since + n * self.step for n in range((self.until - self.since) // self.step)]

    @property
    def is_open(self) -> bool:
        """Whether the last step is still counting."""
        return self.until > self.now

    @property
    def first(self) -> str:
        """As `from` in an address: “2026-11-22”, by hour “2026-11-22T14”."""
        return _name(self.since, self.step)

    @property
    def last(self) -> str:
        """As `to`: the last hour or day that belongs to it."""
        return _name(self.until - self.step, self.step)

    def whole(self) -> "Span":
        """What can be compared: up to the last full hour, when this one is still counting."""
        return replace(self, until=min(self.until, clock.hour_of(self.now)))

    def week_before(self) -> "Span":
        """The same hours of the same weekdays, a week ago."""
        return replace(self, since=self.since - 7 * DAY, until=self.until - 7 * DAY)

    def before(self) -> "Span":
        """As long a stretch just before this one; of a month, the same part of the month before."""
        if self.name == MONTH:
            since = (self.since - DAY).replace(day=1)
            return replace(self, since=since, until=min(since + (self.until - self.since), self.since))
        days = -(-(self.until - self.since) // DAY) * DAY if self.name in (TODAY, *_DAYS) else self.until - self.since
        return replace(self, since=self.since - days, until=self.until - days)


def read(name: str, first: str, last: str, *, now: datetime) -> Span:
    """From what an address says. first, last: for CUSTOM, days or hours as Span writes them, both included.

    Raises Invalid, in words for whoever wrote the address.
    """
    hour, day = clock.hour_of(now), clock.day_of(now)
    if name == TODAY:
        return Span(name, day, hour + HOUR, now)
    if name == HOURS_24:
        return Span(name, hour - 23 * HOUR, hour + HOUR, now)
    if name in _DAYS:
        return Span(name, day - (_DAYS[name] - 1) * DAY, day + DAY, now)
    if name == MONTH:
        return Span(name, day.replace(day=1), day + DAY, now)
    if name != CUSTOM:
        raise Invalid(f"Usage is shown for {', '.join(WORDS)}, or custom with from and to.")
    return _custom(first, last, now)


def _custom(first: str, last: str, now: datetime) -> Span:
    since, until = _moment(first, "from"), _moment(last, "to")
    until += DAY if len(last) == len("2026-11-22") else HOUR
    if since >= until:
        raise Invalid("“From” must not be after “to”.")
    if until - since > LONGEST:
        raise Invalid(f"Usage is shown for up to {LONGEST.days} days at once.")
    if until - since > _BY_HOUR_UP_TO:
        since, until = clock.day_of(since), clock.day_of(until - HOUR) + DAY
    return Span(CUSTOM, since, until, now)


def _moment(text: str, name: str) -> datetime:
    try:
        found = datetime.fromisoformat(f"{text}:00" if "T" in text else text) if _NAMED.fullmatch(text) else None
    except ValueError:
        found = None
    if found is None or not datetime(2000, 1, 1) <= found < datetime(9000, 1, 1):  # noqa: DTZ001  (UTC from here on)
        raise Invalid(f"“{name}” must be a day, such as 2026-11-22, or an hour, such as 2026-11-22T14.")
    return found.replace(tzinfo=UTC)


def _name(at: datetime, step: timedelta) -> str:
    return f"{at:%Y-%m-%dT%H}" if step == HOUR else f"{at:%Y-%m-%d}"


Range = tuple[datetime, datetime]
"""[since, until)."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A stretch cut into whole days and the hours that are left. less: hours that are in its days and not in it."""

    days: list[Range]
    hours: list[Range]
    less: list[Range] = field(default_factory=list)


def parts(since: datetime, until: datetime, *, cuts: Iterable[datetime] = (), is_by_hour: bool = False) -> Parts:
    """cuts: moments within a day whose day has to be read by hour. is_by_hour: all of it has, to be shown so."""
    first, last = clock.day_of(since + DAY - timedelta(microseconds=1)), clock.day_of(until)
    if first >= last or is_by_hour:
        return Parts([], [(since, until)] if since < until else [])
    hours = [(since, first), (last, until)]
    days, at = [], first
    for day in sorted({clock.day_of(cut) for cut in cuts if cut != clock.day_of(cut) and first <= cut < last}):
        days.append((at, day))
        hours.append((day, day + DAY))
        at = day + DAY
    days.append((at, last))
    return Parts(*[[one for one in ranges if one[0] < one[1]] for ranges in (days, hours)])


def fewest(span: Span) -> Parts:
    """The same of a span with as few hours as there can be, for what can be subtracted: 23 hours are a day less one."""
    since, until, now = span.since, span.until, span.now
    midnight, last = clock.day_of(since), clock.day_of(until - timedelta(microseconds=1))
    end = last + DAY
    early = [(midnight, since)] if midnight < since and since - midnight < min(midnight + DAY, now) - since else []
    late = [(until, end)] if until < end and min(end, now) - until < until - max(last, since) else []
    found = parts(midnight if early else since, end if late else until)
    is_less = since < until and bool(found.days)
    return Parts(found.days, found.hours, [*early, *late]) if is_less else parts(since, until)
