"""What is written to the ledger: events, and the totals of hours, days and months, which move in their transaction.

Plain rows, because an SQLModel object for each call would cost more than the call.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypedDict
from uuid import UUID

from sqlalchemy import Insert, Table
from sqlalchemy.dialects import postgresql, sqlite

from app.core import db, ids
from app.metering import buckets, models
from app.metering.models import UsageDay, UsageDayPrice, UsageEvent, UsageFacet, UsageHour, UsageMonth
from app.plans import metrics


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
DAYS = db.metadata.tables[str(UsageDay.__tablename__)]
FACETS = db.metadata.tables[str(UsageFacet.__tablename__)]
DAY_PRICES = db.metadata.tables[str(UsageDayPrice.__tablename__)]
MONTHS = db.metadata.tables[str(UsageMonth.__tablename__)]
_TOTALS = (*models.SUMS, *buckets.NAMES)
PRICE_SUMS = ("lines", *metrics.METRICS, "amount_nanos")
_MONTH_SUMS = ("units", "amount_nanos")


def reversal_of(row: EventRow, *, now: datetime) -> EventRow:
    """An event that takes `row` back, with all that it may be charged for: its answer was withheld after it had been
    written down.
    """
    return {
        **row,
        "id": ids.receipt_id(),
        "at": now,
        "status": models.CANCELLED,
        "error_class": "reversal",
        "units": -row["units"],
        "duration_us": 0,
        "upstream_us": -row["upstream_us"],
        "bytes_in": -row["bytes_in"],
        "bytes_out": -row["bytes_out"],
        "tokens_in": -row["tokens_in"],
        "tokens_out": -row["tokens_out"],
        "amount_nanos": -row["amount_nanos"],
    }


def month_of(row: EventRow) -> tuple[UUID, datetime]:
    """The month that an event belongs to: whose, and its first moment."""
    at = row["at"].astimezone(UTC)
    return row["organisation_id"], at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


Upsert = postgresql.Insert | sqlite.Insert


def _adding(statement: Upsert, place: Sequence[str], sums: Sequence[str]) -> Upsert:
    """The insert that adds its sums to those of the row that is there already."""
    columns = statement.table.c
    added = {name: columns[name] + statement.excluded[name] for name in sums}
    return statement.on_conflict_do_update(index_elements=list(place), set_=added)


@dataclass(frozen=True, slots=True)
class Inserts:
    """The statements that add events, and what they add to the totals."""

    events: Insert
    hours: Insert
    days: Insert
    facets: Insert
    day_prices: Insert
    months: Insert


def _inserts(make: Callable[[Table], Upsert]) -> Inserts:
    return Inserts(
        events=make(EVENTS),
        hours=_adding(make(HOURS), models.PLACE_OF_HOUR, _TOTALS),
        days=_adding(make(DAYS), models.PLACE_OF_DAY, _TOTALS),
        facets=_adding(make(FACETS), models.PLACE_OF_FACET, _TOTALS),
        day_prices=_adding(make(DAY_PRICES), models.PLACE_OF_DAY_PRICE, PRICE_SUMS),
        months=_adding(make(MONTHS), ("organisation_id", "month_at"), _MONTH_SUMS),
    )


INSERTS: dict[str, Inserts] = {"sqlite": _inserts(sqlite.insert), "postgresql": _inserts(postgresql.insert)}
"""By dialect."""
