"""What a group of events writes: their rows, and what they add to hours, days and months, gathered in one pass.

Ids and moments are text from here on, as SQLite keeps them and PostgreSQL reads them: made once, not once for each
table, and cheaper than what drivers make of objects.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from operator import add, itemgetter
from typing import Any
from uuid import UUID

from app.keys.models import LIVE
from app.metering import buckets, facets, models
from app.metering.entry import Entry, Month
from app.metering.prepared import Values, text_of
from app.plans import metrics

_MIDDLE = itemgetter(
    "tool",
    "status",
    "error_class",
    "units",
    "http_status",
    "duration_us",
    "upstream_us",
    "bytes_in",
    "bytes_out",
    "protocol_version",
    "credential",
    "environment",
    "tool_version",
    "policy_version",
    "rules",
    "tokens_in",
    "tokens_out",
)
_END = itemgetter("amount_nanos", "currency", "idempotency_digest")
_HOUR, _DAY, _MONTH = 13, 10, 7
"""How many characters of a moment name its hour, its day and its month."""
_BOUNDS_US, _FIRST_BUCKET = buckets.BOUNDS_US, len(models.SUMS)
_AT = _FIRST_BUCKET + 1
"""Where a row has its moment: after its sums and whose it is."""
_PRICE = -4
"""Where the row of an event has its price, by its columns."""
_AFTER_PLACE = _FIRST_BUCKET + len(models.PLACE_OF_DAY)
_BLANKS = {part: one.hex if isinstance(one, UUID) else one for part in facets.PARTS for one in [facets.blank(part)]}
_FACETS = [(facet.kind, [(part in facet.parts, _BLANKS[part]) for part in facets.PARTS]) for facet in facets.FACETS]
_ZEROS = [0] * (_FIRST_BUCKET + buckets.COUNT)
_NO_BOUNDS: Mapping[int, Mapping[str, int]] = {}

Place = tuple[str, ...]
"""Of a total: whose, when, and the rest of its table's primary key."""


class Tally:
    """Rows for usage_event and all tables of totals, their values in the order of the tables' columns.

    events: as they came. The others: one for each place, always in the same order: PostgreSQL locks rows as it
    meets them, and two gateways that met the same rows in different orders would wait for each other.
    """

    __slots__ = ("_entries", "_month_of", "_months", "day_prices", "days", "events", "facets", "hours", "months")

    def __init__(
        self, entries: Sequence[Entry], *, zone: str, most: Mapping[int, Mapping[str, int]] = _NO_BOUNDS
    ) -> None:
        """zone: how the database wants to be told that moments are in UTC. most: by the number of a price version, the
        most of each metric that one call is charged for. Raises ValueError for a naive datetime.
        """
        events: list[Values] = []
        ids_of: dict[tuple[int, int, int], tuple[str, str, str]] = {}
        hours: dict[Place, list[int]] = {}
        months: dict[tuple[str, str], list[int]] = {}
        month_of: list[list[int]] = []
        for entry in entries:
            row = entry.row
            organisation, key, integration = row["organisation_id"], row["key_id"], row["integration_id"]
            numbers = (organisation.int, key.int, integration.int)
            ids = ids_of.get(numbers)
            if ids is None:
                ids = ids_of[numbers] = (organisation.hex, key.hex, integration.hex)
            moment = entry.moment = text_of(row["at"])
            price = row["price_version_id"]
            price_id = price.hex if price is not None else None
            events.append((row["id"], row["request_id"], moment + zone, *ids, *_MIDDLE(row), price_id, *_END(row)))
            place = (ids[0], moment[:_HOUR], ids[1], ids[2], row["tool"], row["status"], row["error_class"])
            sums = hours.get(place)
            if sums is None:
                sums = hours[place] = _ZEROS.copy()
            units, amount_nanos, duration_us = row["units"], row["amount_nanos"], row["duration_us"]
            sums[0] += 1
            sums[1] += row["status"] != models.OK
            sums[2] += units
            sums[3] += duration_us
            sums[4] += row["upstream_us"]
            sums[5] += row["bytes_in"]
            sums[6] += row["bytes_out"]
            sums[7] += row["tokens_in"]
            sums[8] += row["tokens_out"]
            sums[9] += amount_nanos
            if duration_us > 0:
                sums[_FIRST_BUCKET + bisect_left(_BOUNDS_US, duration_us)] += 1
            of_month = (ids[0], moment[:_MONTH])
            month = months.get(of_month)
            if month is None:
                month = months[of_month] = [0, 0]
            month[0] += units
            month[1] += amount_nanos
            month_of.append(month)
        self._entries, self._month_of = entries, month_of
        self._months = [months[place] for place in sorted(months)]
        self.events = events
        self.hours = _rows(hours, f":00:00.000000{zone}")
        midnight = f" 00:00:00.000000{zone}"
        self.days = _days(hours, self.hours, midnight)
        self.facets = _facets(self.days)
        self.day_prices = _day_prices(entries, events, most, midnight)
        self.months = [
            (owner, f"{month}-01 00:00:00.000000{zone}", *months[owner, month]) for owner, month in sorted(months)
        ]

    def tell_months(self, totals: Sequence[tuple[int, ...]]) -> None:
        """Set each entry's `month`. totals: (units, amount_nanos) of `months` once they were added, in their order."""
        for month, total in zip(self._months, totals, strict=True):
            month[:] = total
        for entry, month in zip(reversed(self._entries), reversed(self._month_of), strict=True):
            units, amount_nanos = month
            entry.month = Month(units, amount_nanos)
            month[0] = units - entry.row["units"]
            month[1] = amount_nanos - entry.row["amount_nanos"]


def _day_prices(
    entries: Sequence[Entry], events: Sequence[Values], most: Mapping[int, Mapping[str, int]], midnight: str
) -> list[Values]:
    """What live calls are charged for, by day, price, key and tool. events: the rows of the entries."""
    prices: dict[tuple[Any, ...], list[int]] = {}
    for entry, event in zip(entries, events, strict=True):
        row = entry.row
        version_id = row["price_version_id"]
        if version_id is not None and row["environment"] == LIVE:
            charged = [1, *metrics.all_billable(row, most.get(version_id.int, {})), row["amount_nanos"]]
            place = (event[3], entry.moment[:_DAY] + midnight, event[_PRICE], *event[4:7])
            before = prices.get(place)
            prices[place] = charged if before is None else list(map(add, before, charged))
    return [(*place, *prices[place]) for place in sorted(prices)]


def _days(hours: Mapping[Place, list[int]], rows: Sequence[Values], rest: str) -> list[Values]:
    """What hours come to by day. rows: of the hours; but for their moment the same, where all are of one hour."""
    if len({place[1] for place in hours}) == 1:
        day_at = next(iter(hours))[1][:_DAY] + rest
        return [(*row[:_AT], day_at, *row[_AT + 1 :]) for row in rows]
    days: dict[Place, list[int]] = {}
    for place, sums in hours.items():
        of_day = (place[0], place[1][:_DAY], *place[2:])
        before = days.get(of_day)
        days[of_day] = sums if before is None else [one + more for one, more in zip(before, sums, strict=True)]
    return _rows(days, rest)


def _facets(days: Sequence[Values]) -> list[Values]:
    """What days come to from each side."""
    found: dict[tuple[Any, ...], list[Any]] = {}
    for row in days:
        sums = [*row[:_FIRST_BUCKET], *row[_AFTER_PLACE:]]
        for kind, keeps in _FACETS:
            told = [
                part if keep else blank for part, (keep, blank) in zip(row[_AT + 1 : _AFTER_PLACE], keeps, strict=True)
            ]
            place = (row[_FIRST_BUCKET], kind, row[_AT], *told)
            before = found.get(place)
            found[place] = sums if before is None else list(map(add, before, sums))
    return [(*sums[:_FIRST_BUCKET], *place, *sums[_FIRST_BUCKET:]) for place, sums in sorted(found.items())]


def _rows(totals: Mapping[Place, list[int]], rest: str) -> list[Values]:
    """rest: of each moment, after what its place says of it."""
    return [
        (*sums[:_FIRST_BUCKET], place[0], place[1] + rest, *place[2:], *sums[_FIRST_BUCKET:])
        for place, sums in sorted(totals.items())
    ]
