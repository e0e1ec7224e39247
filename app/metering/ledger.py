"""What is written to the ledger: events, and the totals of hours and months that move with them in one transaction.

Plain rows, because an SQLModel object for each call would cost more than the call.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypedDict
from uuid import UUID

from sqlalchemy import Insert
from sqlalchemy.dialects import postgresql, sqlite

from app.core import db, ids
from app.metering import models
from app.metering.models import UsageEvent, UsageHour, UsageMonth


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
_SUMS = ("calls", "errors", "units", "duration_us", "bytes_in", "bytes_out", "amount_nanos")
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
