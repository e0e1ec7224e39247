"""Billing periods: stretches of UTC time that follow each other from an anchor, [start, end), in unix seconds."""

import calendar
from datetime import UTC, datetime, timedelta

_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "year": 12}


def boundary(anchor: int, interval: str, count: int, number: int) -> int:
    """The moment `number` intervals after `anchor` (before, if negative). A day of the month that the month does not
    have is its last day, and comes back in the next month that has it.
    """
    at = datetime.fromtimestamp(anchor, UTC)
    if interval in _DAYS:
        return int((at + timedelta(days=_DAYS[interval] * count * number)).timestamp())
    months = at.year * 12 + at.month - 1 + _MONTHS[interval] * count * number
    year, month = divmod(months, 12)
    day = min(at.day, calendar.monthrange(year, month + 1)[1])
    return int(at.replace(year=year, month=month + 1, day=day).timestamp())


def period_at(moment: int, anchor: int, interval: str, count: int) -> tuple[int, int]:
    """The whole period that holds `moment`, whether it began before the anchor or after."""
    number = _guess(moment, anchor, interval, count)
    while boundary(anchor, interval, count, number) > moment:
        number -= 1
    while boundary(anchor, interval, count, number + 1) <= moment:
        number += 1
    return boundary(anchor, interval, count, number), boundary(anchor, interval, count, number + 1)


def _guess(moment: int, anchor: int, interval: str, count: int) -> int:
    days = _DAYS.get(interval) or _MONTHS[interval] * 30
    return (moment - anchor) // (86_400 * days * count)


def day_of(moment: int) -> str:
    """“15 Nov 2026”."""
    at = datetime.fromtimestamp(moment, UTC)
    return f"{at.day} {at:%b %Y}"
