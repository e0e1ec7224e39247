"""Periods: half-open stretches of UTC time, [start, end), that follow each other without gap or overlap.

Days and months are the calendar's in UTC, whatever the customer's own zone: each moment lies in exactly one.
“ever” is the one period that nothing follows.
"""

from datetime import UTC, datetime, timedelta

SECOND = "second"
MINUTE = "minute"
HOUR = "hour"
DAY = "day"
MONTH = "month"
EVER = "ever"

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
END = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
"""The last moment that a datetime can say; no call is made then."""

LENGTHS = {
    SECOND: timedelta(seconds=1),
    MINUTE: timedelta(minutes=1),
    HOUR: timedelta(hours=1),
    DAY: timedelta(days=1),
}
"""How long each is; a month is as long as it is, and “ever” does not end."""


def start_of(period: str, moment: datetime) -> datetime:
    """The start of the period that holds `moment`, aware UTC. Raises KeyError for a period that is none of ours."""
    if period == EVER:
        return BEGINNING
    at = moment.astimezone(UTC).replace(microsecond=0)
    if period == MONTH:
        return at.replace(day=1, hour=0, minute=0, second=0)
    if period == DAY:
        return at.replace(hour=0, minute=0, second=0)
    if period == HOUR:
        return at.replace(minute=0, second=0)
    return at.replace(second=0) if period == MINUTE else at


def end_of(period: str, start_at: datetime) -> datetime:
    """The first moment after the period that starts at `start_at`, which is the start of the next."""
    if period == EVER:
        return END
    if period == MONTH:
        return (start_at + timedelta(days=32)).replace(day=1)
    return start_at + LENGTHS[period]
