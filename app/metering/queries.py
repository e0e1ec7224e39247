"""What was used. Every number on every page comes from here, and everything here reads one ledger.

Totals come from the hourly rows, which move in the same transaction as the events: both are as fresh as the last
answer that left a gateway. Days and hours are UTC.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import func
from sqlmodel import Session, col, select

from app.integrations.models import Integration
from app.keys.models import Key
from app.metering.models import OK, Attempt, UsageEvent, UsageHour
from app.organisations.models import Organisation
from app.plans import queries as plans


@dataclass(frozen=True, slots=True)
class DayUsage:
    """Calls of one UTC day; errors are those of them that did not end "ok". amount_nanos: in 1e-9 minor units, as
    charged call by call, before what a month adds (minimums, base fees, rounding).
    """

    day: date
    calls: int
    errors: int
    units: int
    amount_nanos: int


@dataclass(frozen=True, slots=True)
class ToolUsage:
    """Calls of one tool of one integration; mean_us is their mean duration in microseconds."""

    integration: str
    tool: str
    calls: int
    errors: int
    mean_us: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over a period. mean_us is None when there were no calls."""

    calls: int
    errors: int
    mean_us: int | None
    bytes_in: int
    bytes_out: int


@dataclass(frozen=True, slots=True)
class Call:
    """One line of the ledger with the names that its ids stand for."""

    event: UsageEvent
    key: Key
    integration: Integration


def days_back(now: datetime, days: int) -> tuple[datetime, datetime]:
    """From the start of the UTC day `days - 1` days ago to the start of tomorrow: `days` days, today the last."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=days - 1), today + timedelta(days=1)


def by_day(session: Session, organisation: Organisation, *, since: datetime, until: datetime) -> list[DayUsage]:
    """One row per UTC day from `since` to before `until`, oldest first, zeros included."""
    sums = (UsageHour.calls, UsageHour.errors, UsageHour.units, UsageHour.amount_nanos)
    day = func.date(UsageHour.hour_at, type_=sa.Date)  # in UTC on both: SQLite stores it so, connections are set to it
    statement = (
        sa.select(day, *[func.sum(column) for column in sums])
        .where(col(UsageHour.organisation_id) == organisation.id)
        .where(col(UsageHour.hour_at) >= since, col(UsageHour.hour_at) < until)
        .group_by(day)
    )
    counted = {on: [int(total) for total in totals] for on, *totals in session.execute(statement)}
    days = [since.date() + timedelta(days=n) for n in range((until - since).days)]
    return [DayUsage(on, *counted.get(on, [0] * len(sums))) for on in days]


def currency_of(session: Session, organisation: Organisation, *, at: datetime) -> str:
    """What an organisation pays in; "" while no subscription says so."""
    found = plans.subscription_at(session, organisation.id, at)
    return found.currency if found is not None else ""


def by_tool(
    session: Session, organisation: Organisation, *, since: datetime, until: datetime, limit: int = 50
) -> list[ToolUsage]:
    """The tools most called in the period, most calls first, at most `limit`."""
    calls = func.sum(UsageHour.calls)
    statement = (
        sa.select(
            col(Integration.slug),
            col(UsageHour.tool),
            calls,
            func.sum(UsageHour.errors),
            func.sum(UsageHour.duration_us),
        )
        .join(Integration, col(Integration.id) == col(UsageHour.integration_id))
        .where(col(UsageHour.organisation_id) == organisation.id)
        .where(col(UsageHour.hour_at) >= since, col(UsageHour.hour_at) < until)
        .group_by(col(Integration.slug), col(UsageHour.tool))
        .order_by(calls.desc(), col(Integration.slug), col(UsageHour.tool))
        .limit(limit)
    )
    return [
        ToolUsage(integration=slug, tool=tool, calls=int(n), errors=int(errors), mean_us=int(total_us) // int(n))
        for slug, tool, n, errors, total_us in session.execute(statement)
    ]


def totals(session: Session, organisation: Organisation, *, since: datetime, until: datetime) -> Totals:
    """Sums over the period."""
    sums = [
        func.coalesce(func.sum(column), 0)
        for column in (
            UsageHour.calls,
            UsageHour.errors,
            UsageHour.duration_us,
            UsageHour.bytes_in,
            UsageHour.bytes_out,
        )
    ]
    statement = sa.select(*sums).where(
        col(UsageHour.organisation_id) == organisation.id,
        col(UsageHour.hour_at) >= since,
        col(UsageHour.hour_at) < until,
    )
    calls, errors, duration_us, bytes_in, bytes_out = (int(n) for n in session.execute(statement).one())
    mean_us = duration_us // calls if calls else None
    return Totals(calls=calls, errors=errors, mean_us=mean_us, bytes_in=bytes_in, bytes_out=bytes_out)


def calls_of(
    session: Session,
    organisation: Organisation,
    *,
    limit: int,
    before: str | None = None,
    since: datetime | None = None,
) -> list[Call]:
    """The newest calls, newest first.

    before: a receipt; only calls older than it are given, so that pages do not shift while calls come in.
    """
    statement = (
        select(UsageEvent, Key, Integration)
        .join(Key, col(Key.id) == col(UsageEvent.key_id))
        .join(Integration, col(Integration.id) == col(UsageEvent.integration_id))
        .where(UsageEvent.organisation_id == organisation.id)
        .order_by(col(UsageEvent.id).desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(UsageEvent.id < before)
    if since is not None:
        statement = statement.where(UsageEvent.at >= since)
    return [Call(event=event, key=key, integration=integration) for event, key, integration in session.exec(statement)]


def has_succeeded(session: Session, organisation: Organisation) -> bool:
    """Whether a call of the organisation ever went well."""
    statement = (
        select(UsageEvent.id).where(UsageEvent.organisation_id == organisation.id, UsageEvent.status == OK).limit(1)
    )
    return session.exec(statement).first() is not None


def attempts_of(
    session: Session, organisation: Organisation, *, address_digest: str | None, since: datetime, limit: int
) -> list[Attempt]:
    """Refused tries since `since`, newest first: the organisation's own and, with an address_digest, those from that
    address that could not be told to belong to anyone. Of these only reason and time may be shown: behind one address
    there may be more than one person.
    """
    belongs = col(Attempt.organisation_id) == organisation.id
    if address_digest is not None:
        unclaimed = col(Attempt.organisation_id).is_(None) & (col(Attempt.address_digest) == address_digest)
        belongs = belongs | unclaimed
    statement = (
        select(Attempt)
        .where(belongs, col(Attempt.at) >= since)
        .order_by(col(Attempt.at).desc(), col(Attempt.id).desc())
        .limit(limit)
    )
    return list(session.exec(statement))


def calls_by_organisation(session: Session, organisation_ids: Sequence[UUID], *, since: datetime) -> dict[UUID, int]:
    """Calls since `since` of each of the organisations that made any: for operators."""
    statement = (
        select(UsageHour.organisation_id, func.sum(UsageHour.calls))
        .where(col(UsageHour.organisation_id).in_(organisation_ids), UsageHour.hour_at >= since)
        .group_by(col(UsageHour.organisation_id))
    )
    return {organisation_id: int(calls) for organisation_id, calls in session.exec(statement)}


def calls_of_everyone(session: Session, *, since: datetime) -> int:
    """Calls of all organisations since `since`: for operators."""
    statement = select(func.coalesce(func.sum(UsageHour.calls), 0)).where(UsageHour.hour_at >= since)
    return int(session.exec(statement).one())
