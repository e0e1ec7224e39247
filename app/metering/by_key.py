"""What single keys have used, by day: for lists of keys and the page of each. The same rows as every other number."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import func
from sqlmodel import Session, col

from app.metering.models import Attempt, UsageDay, UsageHour
from app.organisations.models import Organisation


class KeyDay(NamedTuple):
    """One UTC day of a key. amount_nanos: as charged call by call."""

    day: date
    calls: int = 0
    errors: int = 0
    amount_nanos: int = 0


def days_of(
    session: Session, organisation: Organisation, key_ids: Sequence[UUID], *, since: datetime, until: datetime
) -> dict[UUID, list[KeyDay]]:
    """Of each key one row per UTC day from `since` to before `until`, oldest first, zeros included."""
    sums = [func.sum(column) for column in (UsageDay.calls, UsageDay.errors, UsageDay.amount_nanos)]
    statement = (
        sa.select(col(UsageDay.key_id), col(UsageDay.day_at), *sums)
        .where(col(UsageDay.organisation_id) == organisation.id, col(UsageDay.key_id).in_(key_ids))
        .where(col(UsageDay.day_at) >= since, col(UsageDay.day_at) < until)
        .group_by(col(UsageDay.key_id), col(UsageDay.day_at))
    )
    counted: dict[UUID, dict[date, KeyDay]] = {}
    for key_id, day_at, calls, errors, amount_nanos in session.execute(statement) if key_ids else ():
        on = day_at.date()
        counted.setdefault(key_id, {})[on] = KeyDay(on, int(calls), int(errors), int(amount_nanos))
    days = [since.date() + timedelta(days=n) for n in range((until - since).days)]
    zeros = {on: KeyDay(on) for on in days}
    return {key_id: list((zeros | counted.get(key_id, {})).values()) for key_id in key_ids}


def calls_since(
    session: Session, organisation: Organisation, key_ids: Sequence[UUID], *, since: datetime
) -> dict[UUID, int]:
    """Calls of each of these keys in the hours from `since` on; keys without any are left out."""
    statement = (
        sa.select(col(UsageHour.key_id), func.sum(UsageHour.calls))
        .where(col(UsageHour.organisation_id) == organisation.id, col(UsageHour.key_id).in_(key_ids))
        .where(col(UsageHour.hour_at) >= since)
        .group_by(col(UsageHour.key_id))
    )
    return {key_id: int(calls) for key_id, calls in session.execute(statement)} if key_ids else {}


def refused_of(session: Session, organisation: Organisation, key_id: UUID, *, since: datetime) -> list[tuple[str, int]]:
    """(reason, tries) of what was refused to a key, most first."""
    tries = func.count()
    statement = (
        sa.select(col(Attempt.reason), tries)
        .where(col(Attempt.organisation_id) == organisation.id, col(Attempt.key_id) == key_id, col(Attempt.at) >= since)
        .group_by(col(Attempt.reason))
        .order_by(tries.desc(), col(Attempt.reason))
    )
    return [(reason, int(count)) for reason, count in session.execute(statement)]


def last_refused(
    session: Session, organisation: Organisation, key_id: UUID, *, since: datetime, limit: int
) -> list[Attempt]:
    """The last tries of a key that were refused, newest first."""
    statement = (
        sa.select(Attempt)
        .where(col(Attempt.organisation_id) == organisation.id, col(Attempt.key_id) == key_id, col(Attempt.at) >= since)
        .order_by(col(Attempt.at).desc(), col(Attempt.id).desc())
        .limit(limit)
    )
    return list(session.execute(statement).scalars())
