"""The intervals of base fees: whole months of the calendar in UTC, or twelve of them; and parts of one, in integers."""

from datetime import UTC, datetime, timedelta

from app.plans import periods
from app.plans.models import YEARLY

_MICROSECOND = timedelta(microseconds=1)


def anchor_of(begins_at: datetime) -> datetime:
    """From when whole intervals are counted for what begins then: the next first of a month, or that very moment."""
    start_at = periods.start_of(periods.MONTH, begins_at)
    return start_at if start_at == begins_at else periods.end_of(periods.MONTH, start_at)


def around(moment: datetime, *, interval: str, anchor_at: datetime) -> tuple[datetime, datetime]:
    """[start, end) of the interval that holds `moment`; calendar months where there is no interval.

    Before the anchor lies the interval that ends there, of which only a part is lived through and paid for.
    """
    start_at = periods.start_of(periods.MONTH, moment)
    if interval == YEARLY:
        months = _months(start_at) - _months(anchor_at)
        start_at = _first_of(_months(start_at) - months % 12)
        return start_at, _first_of(_months(start_at) + 12)
    return start_at, periods.end_of(periods.MONTH, start_at)


def part_minor(fee_minor: int, begins_at: datetime, ends_at: datetime, *, whole: tuple[datetime, datetime]) -> int:
    """What [begins_at, ends_at) within the interval `whole` costs of its fee, in whole minor units.

    It is the difference of what is due up to either end, so that the parts of any split add up to the whole fee, and
    going back and forth between plans costs nothing by itself. The whole is always the full interval.
    """
    start_at, end_at = whole
    if not start_at <= begins_at <= ends_at <= end_at:
        raise ValueError("A part of an interval lies within it.")
    before, after = ((moment - start_at) // _MICROSECOND for moment in (begins_at, ends_at))
    length = (end_at - start_at) // _MICROSECOND
    return _rounded(fee_minor * after, length) - _rounded(fee_minor * before, length)


def _rounded(amount: int, length: int) -> int:
    """amount / length, halves up."""
    return (2 * amount + length) // (2 * length)


def _months(moment: datetime) -> int:
    return moment.year * 12 + moment.month - 1


def _first_of(months: int) -> datetime:
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)
