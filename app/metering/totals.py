"""Whether totals are the sums of the events, or of the smaller totals, that they are made from. The database adds up;
only drifts come out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Subquery,
    Table,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    union_all,
)

from app.metering import billable, buckets, facets, models
from app.metering.ledger import DAY_PRICES, DAYS, EVENTS, FACETS, HOURS, MONTHS, PRICE_SUMS
from app.metering.moments import start_of
from app.plans import metrics

_HOUR_PLACE, _DAY_PLACE = models.PLACE_OF_HOUR[1:], models.PLACE_OF_DAY[1:]
_FACET_PLACE, _PRICE_PLACE = models.PLACE_OF_FACET[1:], models.PLACE_OF_DAY_PRICE[1:]
_WHAT = _HOUR_PLACE[1:]
_NO_MOMENT = "of events whose moment cannot be read"
_OF_EVENTS = tuple(name for name in models.SUMS if name not in ("calls", "errors"))
_SUMS = (*models.SUMS, *buckets.NAMES)


def drifts(connection: Connection, organisation_id: UUID) -> Iterator[str]:
    """In words, one for each total that is not what its events come to."""
    dialect = connection.dialect.name
    hours = _Totals(HOURS, _hours(organisation_id, dialect), _HOUR_PLACE, _SUMS)
    for row in hours.differing(connection, organisation_id):
        hour = f"{row.hour_at:%Y-%m-%d %H}:00" if row.hour_at is not None else _NO_MOMENT
        yield f"the hour {hour}, {_what(row)}: its total is not its events' sum"
    days = _Totals(DAYS, _days(organisation_id, dialect), _DAY_PLACE, _SUMS)
    for row in days.differing(connection, organisation_id):
        yield f"the day {_day(row)}, {_what(row)}: its total is not its hours' sum"
    sides = _Totals(FACETS, _facets(organisation_id), _FACET_PLACE, _SUMS)
    for row in sides.differing(connection, organisation_id):
        yield f"the day {_day(row)} by {row.kind}, {_what(row)}: its total is not its parts' sum"
    prices = _Totals(DAY_PRICES, _prices(connection, organisation_id), _PRICE_PLACE, PRICE_SUMS)
    for row in prices.differing(connection, organisation_id):
        whose = f"tool “{row.tool}”, key {row.key_id}, the price version {row.price_version_id}"
        yield f"the day {_day(row)}, {whose}: its total is not what its events are charged for"
    months = _Totals(MONTHS, _months(organisation_id, dialect), ("month_at",), ("units", "amount_nanos"))
    for row in months.differing(connection, organisation_id):
        month = f"{row.month_at:%Y-%m}" if row.month_at is not None else _NO_MOMENT
        yield f"the month {month}: its total is not its events' sum"


def _what(row: Any) -> str:  # noqa: ANN401  (a row of either)
    return f"tool “{row.tool}” ({_ended(row)}), key {row.key_id}"


def _ended(row: Any) -> str:  # noqa: ANN401
    return f"{row.status} {row.error_class}".strip() or "however it ended"


def _day(row: Any) -> str:  # noqa: ANN401
    return f"{row.day_at:%Y-%m-%d}" if row.day_at is not None else _NO_MOMENT


def _hours(organisation_id: UUID, dialect: str) -> Subquery:
    is_error = case((EVENTS.c.status == models.OK, 0), else_=1)
    place = (start_of("hour", EVENTS.c.at, dialect), *[EVENTS.c[name] for name in _WHAT])
    return (
        select(
            place[0].label("hour_at"),
            *place[1:],
            func.count().label("calls"),
            func.sum(is_error).label("errors"),
            *[func.sum(EVENTS.c[name]).label(name) for name in _OF_EVENTS],
            *_took(),
        )
        .where(EVENTS.c.organisation_id == organisation_id)
        .group_by(*place)
        .subquery()
    )


def _took() -> Iterator[ColumnElement[int]]:
    """How many events are in each bucket."""
    took, lower = EVENTS.c.duration_us, 0
    for name, upper in zip_longest(buckets.NAMES, buckets.BOUNDS_US):
        is_in = and_(took > lower, took <= upper) if upper is not None else took > lower
        yield func.sum(case((is_in, 1), else_=0)).label(name)
        lower = upper


def _days(organisation_id: UUID, dialect: str) -> Subquery:
    place = (start_of("day", HOURS.c.hour_at, dialect), *[HOURS.c[name] for name in _WHAT])
    return (
        select(place[0].label("day_at"), *place[1:], *_summed(HOURS))
        .where(HOURS.c.organisation_id == organisation_id)
        .group_by(*place)
        .subquery()
    )


def _facets(organisation_id: UUID) -> Subquery:
    sides = []
    for facet in facets.FACETS:
        kept = [DAYS.c[name] for name in facet.parts]
        told = [DAYS.c[name] if name in facet.parts else _blank(name) for name in facets.PARTS]
        sides.append(
            select(literal(facet.kind).label("kind"), DAYS.c.day_at, *told, *_summed(DAYS))
            .where(DAYS.c.organisation_id == organisation_id)
            .group_by(DAYS.c.day_at, *kept)
        )
    return union_all(*sides).subquery()


def _blank(name: str) -> ColumnElement[Any]:
    return literal(facets.blank(name), DAYS.c[name].type).label(name)


def _summed(table: Table) -> list[ColumnElement[int]]:
    return [func.sum(table.c[name]).label(name) for name in _SUMS]


def _prices(connection: Connection, organisation_id: UUID) -> Subquery:
    place = (start_of("day", EVENTS.c.at, connection.dialect.name), *[EVENTS.c[name] for name in _PRICE_PLACE[1:]])
    most = billable.most_of(connection)
    return (
        select(
            place[0].label("day_at"),
            *place[1:],
            func.count().label("lines"),
            *[func.sum(billable.quantity(metric, most)).label(metric) for metric in metrics.METRICS],
            func.sum(EVENTS.c.amount_nanos).label("amount_nanos"),
        )
        .where(EVENTS.c.organisation_id == organisation_id, *billable.IS_CHARGED)
        .group_by(*place)
        .subquery()
    )


def _months(organisation_id: UUID, dialect: str) -> Subquery:
    return (
        select(
            start_of("month", EVENTS.c.at, dialect).label("month_at"),
            func.sum(EVENTS.c.units).label("units"),
            func.sum(EVENTS.c.amount_nanos).label("amount_nanos"),
        )
        .where(EVENTS.c.organisation_id == organisation_id)
        .group_by(start_of("month", EVENTS.c.at, dialect))
        .subquery()
    )


@dataclass(frozen=True, slots=True)
class _Totals:
    """A table of totals beside the sums that it should hold. place: what they are per; names: of the sums."""

    table: Table
    sums: Subquery
    place: tuple[str, ...]
    names: tuple[str, ...]

    def differing(self, connection: Connection, organisation_id: UUID) -> Iterator[Any]:
        """The places where the two differ."""
        table, sums, first = self.table, self.sums, self.place[0]
        same_place = and_(*[table.c[name] == sums.c[name] for name in self.place])
        mine = table.c.organisation_id == organisation_id
        differs = or_(table.c[first].is_(None), *[table.c[name] != sums.c[name] for name in self.names])
        of_sums = select(*[sums.c[name] for name in self.place]).outerjoin_from(sums, table, and_(same_place, mine))
        yield from _rows(connection, of_sums.where(differs))
        is_empty = and_(*[table.c[name] == 0 for name in self.names])
        of_table = select(*[table.c[name] for name in self.place]).outerjoin_from(table, sums, same_place)
        yield from _rows(connection, of_table.where(mine, sums.c[first].is_(None), ~is_empty))


def _rows(connection: Connection, statement: Select[Any]) -> Iterator[Any]:
    yield from connection.execution_options(yield_per=1_000).execute(statement)
