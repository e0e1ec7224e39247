"""The months that are billed: calendar months in UTC, named like “2026-11”."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from app.core.errors import NotFound
from app.plans import periods

_NAME = re.compile(r"(?a)(20\d\d)-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Month:
    """[begins_at, ends_at)."""

    begins_at: datetime

    @property
    def ends_at(self) -> datetime:
        """The first moment of the next."""
        return periods.end_of(periods.MONTH, self.begins_at)

    @property
    def name(self) -> str:
        """“2026-11”."""
        return f"{self.begins_at:%Y-%m}"

    @property
    def label(self) -> str:
        """“November 2026”."""
        return f"{self.begins_at:%B %Y}"

    def is_over(self, now: datetime) -> bool:
        """Whether nothing is counted in it any more, but for what comes late."""
        return self.ends_at <= now


def around(moment: datetime) -> Month:
    """The month that holds an aware moment."""
    return Month(periods.start_of(periods.MONTH, moment))


def named(name: str, *, now: datetime) -> Month:
    """Raises NotFound for what is no month, or one that has not begun."""
    found = _NAME.fullmatch(name)
    month = Month(datetime(int(found[1]), int(found[2]), 1, tzinfo=UTC)) if found else None
    if month is None or month.begins_at > now:
        raise NotFound("There is no statement for that month.")
    return month


def latest(first_at: datetime, *, now: datetime, limit: int, until: Month | None = None) -> list[Month]:
    """Down to the one that holds `first_at`, newest first, at most `limit`; only those before `until`."""
    month = around(now) if until is None else before(until)
    found: list[Month] = []
    while len(found) < limit and month.ends_at > first_at:
        found.append(month)
        month = before(month)
    return found


def before(month: Month) -> Month:
    """The one before it."""
    at = month.begins_at
    return Month(at.replace(year=at.year - 1, month=12) if at.month == 1 else at.replace(month=at.month - 1))
