"""What is written to the ledger: events, and the totals of hours and months that move with them in one transaction.

Plain rows, because an SQLModel object for each call would cost more than the call.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypedDict
from uuid import UUID

from sqlalchemy import Insert
from sqlalchemy.dialects import postgresql, sqlite

from app.core import clock, db, ids
from app.metering import models
from app.metering.models import UsageEvent, UsageHour, UsageMonth
from app.metering.prepared import Row


class EventRow(TypedDict):
    """A row of usage_event; see models.UsageEvent for what each column says."""

    id: str
    request_id: str
    at: datetime
    organisation_id: UUID
    key_id: UUID
    integration_id: UUID
    tool: str
    status: str
    error_class: str
    units: int
    http_status: int
    duration_us: int
    upstream_us: int
    bytes_in: int
    bytes_out: int
    protocol_version: str
    credential: str
    environment: str
    tool_version: str
    policy_version: int
    rules: str
    tokens_in: int
    tokens_out: int
    price_version_id: UUID | None
    amount_nanos: int
    currency: str
    idempotency_digest: str


EVENTS = db.metadata.tables[str(UsageEvent.__tablename__)]
HOURS = db.metadata.tables[str(UsageHour.__tablename__)]
MONTHS = db.metadata.tables[str(UsageMonth.__tablename__)]
_PLACE = ("organisation_id", "hour_at", "key_id", "integration_id", "tool")
_HOUR = timedelta(hours=1)
_SUMS = ("calls", "errors", "units", "duration_us", "bytes_in", "bytes_out", "amount_nanos")
_MONTH_SUMS = ("units", "amount_nanos")

MonthPlace = tuple[UUID, datetime]
"""Whose month, and its first moment."""


def reversal_of(row: EventRow, *, now: datetime) -> EventRow:
    """An event that takes the units of `row` back: its answer was withheld after it had been written down."""
    return {
        **row,
        "id": ids.receipt_id(),
        "at": now,
        "status": models.CANCELLED,
        "error_class": "reversal",
        "units": -row["units"],
        "duration_us": 0,
        "upstream_us": 0,
        "bytes_in": 0,
        "bytes_out": 0,
        "tokens_in": 0,
        "tokens_out": 0,
        "amount_nanos": -row["amount_nanos"],
    }


def hours_of(rows: Sequence[EventRow]) -> list[Row]:
    """What the events add to their hours, as rows of usage_hour, one per place, always in the same order: PostgreSQL
    locks rows as it meets them, and two gateways that met the same rows in different orders would wait for each other.
    """
    hours: dict[tuple[UUID, datetime, UUID, UUID, str], list[int]] = {}
    hour_at = clock.hour_of(rows[0]["at"])
    for row in rows:
        if not timedelta(0) <= row["at"] - hour_at < _HOUR:
            hour_at = clock.hour_of(row["at"])
        place = (row["organisation_id"], hour_at, row["key_id"], row["integration_id"], row["tool"])
        sums = hours.get(place)
        if sums is None:
            sums = hours[place] = [0] * len(_SUMS)
        sums[0] += 1
        sums[1] += row["status"] != models.OK
        sums[2] += row["units"]
        sums[3] += row["duration_us"]
        sums[4] += row["bytes_in"]
        sums[5] += row["bytes_out"]
        sums[6] += row["amount_nanos"]
    return [dict(zip(_PLACE + _SUMS, (*place, *hours[place]), strict=True)) for place in sorted(hours)]


def month_of(row: EventRow) -> MonthPlace:
    """The month that an event belongs to."""
    at = row["at"].astimezone(UTC)
    return row["organisation_id"], at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def months_of(rows: Sequence[EventRow]) -> list[Row]:
    """What the events add to their months, as rows of usage_month, always in the same order, as hours_of does."""
    months: dict[MonthPlace, list[int]] = {}
    for row in rows:
        sums = months.setdefault(month_of(row), [0, 0])
        sums[0] += row["units"]
        sums[1] += row["amount_nanos"]
    return [
        {"organisation_id": place[0], "month_at": place[1], "units": months[place][0], "amount_nanos": months[place][1]}
        for place in sorted(months)
    ]


Upsert = postgresql.Insert | sqlite.Insert


def _hours(statement: Upsert) -> Upsert:
    added = {name: HOURS.c[name] + statement.excluded[name] for name in _SUMS}
    return statement.on_conflict_do_update(index_elements=list(_PLACE), set_=added)


def _months(statement: Upsert) -> Upsert:
    added = {name: MONTHS.c[name] + statement.excluded[name] for name in _MONTH_SUMS}
    return statement.on_conflict_do_update(index_elements=["organisation_id", "month_at"], set_=added)


@dataclass(frozen=True, slots=True)
class Inserts:
    """The statements that add events, and what they add to their hours and months."""

    events: Insert
    hours: Insert
    months: Insert


INSERTS: dict[str, Inserts] = {
    "sqlite": Inserts(sqlite.insert(EVENTS), _hours(sqlite.insert(HOURS)), _months(sqlite.insert(MONTHS))),
    "postgresql": Inserts(
        postgresql.insert(EVENTS), _hours(postgresql.insert(HOURS)), _months(postgresql.insert(MONTHS))
    ),
}
"""By dialect."""
