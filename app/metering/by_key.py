"""What single keys have used, by day: for lists of keys and the page of each; from usage.py, as every other number."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import func
from sqlmodel import Session, col

from app.metering import figures, selection, spans, usage
from app.metering.figures import Figures
from app.metering.models import Attempt
from app.metering.spans import Span
from app.metering.usage import Question
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
    """Of each key one row per UTC day from `since` to before `until`, oldest first, zeros included. Whole days."""
    span = Span(spans.CUSTOM, since, until, until)
    found = _steps(session, organisation, key_ids, span)
    days = [since.date() + timedelta(days=n) for n in range((until - since).days)]
    counted: dict[UUID, dict[date, KeyDay]] = {key_id: {on: KeyDay(on) for on in days} for key_id in key_ids}
    for key_id, steps in found.items():
        for at, sums in zip(span.steps, steps, strict=True):
            before = counted[key_id][at.date()]
            counted[key_id][at.date()] = KeyDay(
                before.day,
                before.calls + sums.calls,
                before.errors + sums.errors,
                before.amount_nanos + sums.amount_nanos,
            )
    return {key_id: list(its.values()) for key_id, its in counted.items()}


def calls_lately(
    session: Session, organisation: Organisation, key_ids: Sequence[UUID], *, now: datetime
) -> dict[UUID, int]:
    """Calls of each of these keys in the last 24 hours, as the usage page has them; keys without any are left out."""
    found = _steps(session, organisation, key_ids, spans.read(spans.HOURS_24, "", "", now=now))
    calls = {key_id: sum(sums.calls for sums in steps) for key_id, steps in found.items()}
    return {key_id: count for key_id, count in calls.items() if count}


def _steps(
    session: Session, organisation: Organisation, key_ids: Sequence[UUID], span: Span
) -> dict[UUID, list[Figures]]:
    """By key, in the steps of the span."""
    question = Question(organisation, span, by=selection.KEY)
    groups = [(key_id,) for key_id in key_ids]
    found = usage.by_step_and_group(session, question, groups, metric=figures.EVERYTHING)
    return {group[0]: steps for group, steps in found.items()}


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
