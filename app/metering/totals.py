"""Whether the totals of hours and months are the sums of their events. The database adds up; only drifts come out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    Subquery,
    Table,
    and_,
    case,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy import type_coerce as as_type

from app.core.db import UtcDateTime
from app.metering import models
from app.metering.ledger import EVENTS, HOURS, MONTHS

_HOUR_PLACE = ("hour_at", "key_id", "integration_id", "tool")
_NO_MOMENT = "of events whose moment cannot be read"
_HOUR_SUMS = ("units", "duration_us", "bytes_in", "bytes_out", "amount_nanos")


def drifts(connection: Connection, organisation_id: UUID) -> Iterator[str]:
    """In words, one for each total that is not what its events come to."""
    dialect = connection.dialect.name
    hours = _Totals(HOURS, _hours(organisation_id, dialect), _HOUR_PLACE, ("calls", "errors", *_HOUR_SUMS))
    for row in hours.differing(connection, organisation_id):
        hour = f"{row.hour_at:%Y-%m-%d %H}:00" if row.hour_at is not None else _NO_MOMENT
        where = f"the hour {hour}, tool “{row.tool}”, key {row.key_id}"
        yield f"{where}: its total is not its events' sum"
    months = _Totals(MONTHS, _months(organisation_id, dialect), ("month_at",), ("units", "amount_nanos"))
    for row in months.differing(connection, organisation_id):
        month = f"{row.month_at:%Y-%m}" if row.month_at is not None else _NO_MOMENT
        yield f"the month {month}: its total is not its events' sum"


def _hours(organisation_id: UUID, dialect: str) -> Subquery:
    is_error = case((EVENTS.c.status == models.OK, 0), else_=1)
    return (
        select(
            _start_of("hour", dialect).label("hour_at"),
            EVENTS.c.key_id,
            EVENTS.c.integration_id,
            EVENTS.c.tool,
            func.count().label("calls"),
            func.sum(is_error).label("errors"),
            *[func.sum(EVENTS.c[name]).label(name) for name in _HOUR_SUMS],
        )
        .where(EVENTS.c.organisation_id == organisation_id)
        .group_by(_start_of("hour", dialect), EVENTS.c.key_id, EVENTS.c.integration_id, EVENTS.c.tool)
        .subquery()
    )


def _months(organisation_id: UUID, dialect: str) -> Subquery:
    return (
        select(
            _start_of("month", dialect).label("month_at"),
            func.sum(EVENTS.c.units).label("units"),
            func.sum(EVENTS.c.amount_nanos).label("amount_nanos"),
        )
        .where(EVENTS.c.organisation_id == organisation_id)
        .group_by(_start_of("month", dialect))
        .subquery()
    )


def _start_of(period: str, dialect: str) -> ColumnElement[object]:
    """The first moment (UTC) of the hour or month of an event, as the database stores moments."""
    if dialect == "sqlite":
        form = {"hour": "%Y-%m-%d %H:00:00.000000", "month": "%Y-%m-01 00:00:00.000000"}[period]
        return as_type(func.strftime(form, as_type(EVENTS.c.at, String)), UtcDateTime)
    return as_type(func.date_trunc(literal_column(f"'{period}'"), EVENTS.c.at, literal_column("'UTC'")), UtcDateTime)


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
