"""What was used and is charged for: one place for pages, files and bills. Only live calls that have a price count.

It is read from the totals of days by price (docs/adr/0026), and from events where a stretch begins or ends within a
day, or is split by hour. Events are found by their receipts, which sort by time, and then taken by their own moment;
the two are never days apart.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col

from app.billing.bill import Period
from app.core import ids
from app.metering import billable, spans
from app.metering.ledger import DAY_PRICES, EVENTS, PRICE_SUMS
from app.metering.models import UsageEvent
from app.plans import metrics

APART = timedelta(days=2)
"""The most that a receipt's time and its event's moment differ: a gateway's clock that was set."""

VERSION, INTEGRATION, TOOL, KEY, HOUR = "version_id", "integration_id", "tool", "key_id", "hour_at"

_COLUMNS = {VERSION: "price_version_id", INTEGRATION: "integration_id", TOOL: "tool", KEY: "key_id"}


@dataclass(frozen=True, slots=True)
class Sum:
    """What a group of calls adds up to. calls: lines of the ledger. by: what they have in common."""

    by: Mapping[str, Any]
    calls: int
    quantities: Mapping[str, int]
    nanos: int

    def __add__(self, other: "Sum") -> "Sum":
        counted = {metric: quantity + other.quantities[metric] for metric, quantity in self.quantities.items()}
        return Sum(self.by, self.calls + other.calls, counted, self.nanos + other.nanos)


def sums(
    session: Session,
    organisation_id: UUID,
    *,
    since: datetime,
    until: datetime,
    by: Sequence[str],
    versions: Collection[UUID] | None = None,
) -> list[Sum]:
    """Groups in no certain order. by: of the names above. versions: only calls charged by these."""
    parts = spans.Parts([], [(since, until)]) if HOUR in by else spans.parts(since, until)
    found = _of_days(session, organisation_id, parts.days, by, versions) if parts.days else []
    for begins_at, ends_at in parts.hours:
        found += _of_events(session, organisation_id, (begins_at, ends_at), by, versions)
    return _together(found) if len(parts.days) + len(parts.hours) > 1 else found


def _of_days(
    session: Session,
    organisation_id: UUID,
    days: Sequence[Period],
    by: Sequence[str],
    versions: Collection[UUID] | None,
) -> list[Sum]:
    table = DAY_PRICES.c
    groups = [table[_COLUMNS[name]] for name in by]
    statement = (
        sa.select(*groups, *[func.sum(table[name]) for name in PRICE_SUMS])
        .where(table.organisation_id == organisation_id)
        .where(sa.or_(*[sa.and_(table.day_at >= since, table.day_at < until) for since, until in days]))
        .group_by(*groups)
    )
    if versions is not None:
        statement = statement.where(table.price_version_id.in_(list(versions)))
    return [_sum(by, row) for row in session.execute(statement)]


def _of_events(
    session: Session, organisation_id: UUID, period: Period, by: Sequence[str], versions: Collection[UUID] | None
) -> list[Sum]:
    since, until = period
    most = billable.most_of(session)
    groups = [_hour(session) if name == HOUR else EVENTS.c[_COLUMNS[name]] for name in by]
    columns = [func.sum(billable.quantity(metric, most)) for metric in metrics.METRICS]
    statement = (
        sa.select(*groups, func.count(), *columns, func.coalesce(func.sum(EVENTS.c.amount_nanos), 0))
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
        billable.IS_LIVE,
    ]


def _together(found: Iterable[Sum]) -> list[Sum]:
    """Of each group one sum."""
    groups: dict[tuple[Any, ...], Sum] = {}
    for one in found:
        place = tuple(one.by.values())
        groups[place] = groups[place] + one if place in groups else one
    return list(groups.values())


def quantities(found: Iterable[Sum]) -> dict[UUID, dict[str, int]]:
    """By price version, of sums that are by it at least."""
    totals: dict[UUID, dict[str, int]] = {}
    for one in found:
        mine = totals.setdefault(one.by[VERSION], dict.fromkeys(metrics.METRICS, 0))
        for metric, quantity in one.quantities.items():
            mine[metric] += quantity
    return totals


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
