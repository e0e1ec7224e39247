"""What was used and is charged for, summed from the ledger's events: one statement for pages, files and bills.

Only live calls that have a price count. A month's events are found by their receipts, which sort by time, and then
taken by their own moment; the two are never days apart.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col

from app.core import db, ids
from app.metering.models import UsageEvent
from app.plans import metrics
from app.plans.models import PriceVersion

APART = timedelta(days=2)
"""The most that a receipt's time and its event's moment differ: a gateway's clock that was set."""

VERSION, INTEGRATION, TOOL, KEY, HOUR = "version_id", "integration_id", "tool", "key_id", "hour_at"
_EVENTS = db.metadata.tables[str(UsageEvent.__tablename__)].c

Most = Mapping[UUID, Mapping[str, int]]
"""Price version to metric to the most that one call is charged for."""


@dataclass(frozen=True, slots=True)
class Sum:
    """What a group of calls adds up to. calls: lines of the ledger. by: what they have in common."""

    by: Mapping[str, Any]
    calls: int
    quantities: Mapping[str, int]
    nanos: int


def most_of(session: Session) -> Most:
    """Of every price that has such a bound: only those of plans do."""
    statement = sa.select(col(PriceVersion.id), col(PriceVersion.max_per_call)).where(
        col(PriceVersion.plan_version_id).is_not(None)
    )
    return {version_id: most for version_id, most in session.execute(statement) if most}


def sums(
    session: Session,
    organisation_id: UUID,
    *,
    since: datetime,
    until: datetime,
    by: Sequence[str],
    versions: Collection[UUID] | None = None,
    most: Most | None = None,
) -> list[Sum]:
    """Groups in no certain order. by: of the names above. versions: only calls charged by these. most: if it is known
    already.
    """
    most = most_of(session) if most is None else most
    places = {
        VERSION: col(UsageEvent.price_version_id),
        INTEGRATION: col(UsageEvent.integration_id),
        TOOL: col(UsageEvent.tool),
        KEY: col(UsageEvent.key_id),
        HOUR: _hour(session),
    }
    groups = [places[name] for name in by]
    columns = [func.sum(billable(metric, most)) for metric in metrics.METRICS]
    statement = (
        sa.select(*groups, func.count(), *columns, func.coalesce(func.sum(col(UsageEvent.amount_nanos)), 0))
        .where(*charged(organisation_id, since=since, until=until, versions=versions))
        .group_by(*groups)
    )
    return [_sum(by, row) for row in session.execute(statement)]


def charged(
    organisation_id: UUID, *, since: datetime, until: datetime, versions: Collection[UUID] | None = None
) -> list[ColumnElement[bool]]:
    """The conditions on UsageEvent that make it one that is charged for, in [since, until)."""
    version = col(UsageEvent.price_version_id)
    return [
        *lived(organisation_id, since=since, until=until),
        version.is_not(None) if versions is None else version.in_(list(versions)),
    ]


def lived(organisation_id: UUID, *, since: datetime, until: datetime) -> list[ColumnElement[bool]]:
    """The same for all live calls, with a price or without."""
    return [
        col(UsageEvent.organisation_id) == organisation_id,
        col(UsageEvent.id) >= ids.lowest_receipt(since - APART),
        col(UsageEvent.id) < ids.lowest_receipt(until + APART),
        col(UsageEvent.at) >= since,
        col(UsageEvent.at) < until,
        col(UsageEvent.environment) == "live",
    ]


def billable(metric: str, most: Most, *, place: ColumnElement[Any] | None = None) -> ColumnElement[int]:
    """metrics.billable, as SQL. place: what tells which of `most` holds; the price by which a call was charged."""
    actual = _actual(metric)
    told: ColumnElement[Any] = _EVENTS.price_version_id if place is None else place
    bounded: dict[int, list[UUID]] = {}
    for version_id, bounds in most.items():
        if metric in bounds:
            bounded.setdefault(bounds[metric], []).append(version_id)
    cases = [(told.in_(ids_), _within(actual, bound)) for bound, ids_ in bounded.items()]  # flat: parsers nest so deep
    found = sa.case(*cases, else_=actual) if cases else actual
    return sa.case((col(UsageEvent.units) == 0, 0), else_=found)


def quantities(found: Iterable[Sum]) -> dict[UUID, dict[str, int]]:
    """By price version, of sums that are by it at least."""
    totals: dict[UUID, dict[str, int]] = {}
    for one in found:
        mine = totals.setdefault(one.by[VERSION], dict.fromkeys(metrics.METRICS, 0))
        for metric, quantity in one.quantities.items():
            mine[metric] += quantity
    return totals


def _actual(metric: str) -> ColumnElement[int]:
    if metric == metrics.CALLS:
        return _EVENTS.units
    if metric == metrics.BYTES:
        return _EVENTS.bytes_in + _EVENTS.bytes_out
    if metric == metrics.MILLISECONDS:
        return _EVENTS.upstream_us // 1000  # both databases cut towards zero
    return _EVENTS[metric]


def _within(actual: ColumnElement[int], most: int) -> ColumnElement[int]:
    return sa.case((actual > most, most), (actual < -most, -most), else_=actual)


def _hour(session: Session) -> ColumnElement[str]:
    """“2026-11-22 14”: moments are in UTC in both, SQLite stores them so and connections are set to it."""
    at = col(UsageEvent.at)
    if session.get_bind().dialect.name == "sqlite":
        return func.substr(sa.type_coerce(at, sa.String), 1, 13, type_=sa.String)
    return func.to_char(at, "YYYY-MM-DD HH24", type_=sa.String)


def _sum(by: Sequence[str], row: sa.Row[Any]) -> Sum:
    values = list(row)
    place = dict(zip(by, values, strict=False))
    if HOUR in place:
        place[HOUR] = datetime.strptime(place[HOUR], "%Y-%m-%d %H").replace(tzinfo=UTC)
    calls, *sums_, nanos = values[len(by) :]
    counted = {metric: int(value or 0) for metric, value in zip(metrics.METRICS, sums_, strict=True)}
    return Sum(place, int(calls), counted, int(nanos))
