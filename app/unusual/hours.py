"""Unusually many calls, and many that fail: the hour that is counting and the one before it, of everybody at once.

Hours are the ledger's totals (docs/adr/0026), the numbers of every other page. The hour that counts only grows, so what
is unusual in it already stays so; what comes late to the hour before is still looked at.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func
from sqlmodel import Session, col, select

from app.core import clock
from app.metering.models import UsageDay, UsageHour, UsageMonth
from app.plans import periods
from app.unusual import rules
from app.unusual.found import Found
from app.unusual.rules import Choice

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LOOKED_BACK = 28 * DAY
"""Who called on no day of these, three days ago or before, is as new as somebody who never did."""
Counts = dict[tuple[UUID, datetime], tuple[int, int]]
Unusual = dict[tuple[UUID, str], Found]
"""By organisation and rule."""


class Hours:
    """Remembers what is usual for an hour until that hour is over: the hours before it do not change any more."""

    def __init__(self) -> None:
        self._usual: dict[tuple[UUID, datetime], int | None] = {}

    def look(self, session: Session, choices: Mapping[UUID, Choice], *, now: datetime) -> Unusual:
        """What is unusual in either hour; of both, the earlier. choices: of those who have chosen."""
        hours = (clock.hour_of(now) - HOUR, clock.hour_of(now))
        counts = _counts(session, hours)
        self._learn(session, counts, choices, hours)
        found: Unusual = {}
        for (organisation_id, hour), (calls, errors) in sorted(counts.items(), key=lambda one: one[0][1]):
            choice = choices.get(organisation_id, rules.USUAL)
            usual = self._usual.get((organisation_id, hour))
            if choice.has(rules.RATE) and usual is not None and rules.is_unusual_rate(calls, usual, choice):
                words = f"{calls:,} calls {_when(hour, now)}; usual at this time of day: at most {usual:,} an hour."
                found.setdefault((organisation_id, rules.RATE), _found(organisation_id, rules.RATE, hour, words))
            if choice.has(rules.ERRORS) and rules.is_unusual_share(errors, calls, choice):
                words = f"{errors:,} of {calls:,} calls {_when(hour, now)} failed ({100 * errors // calls} %)."
                found.setdefault((organisation_id, rules.ERRORS), _found(organisation_id, rules.ERRORS, hour, words))
        return found

    def _learn(
        self, session: Session, counts: Counts, choices: Mapping[UUID, Choice], hours: Collection[datetime]
    ) -> None:
        """What is usual for those who called often enough to ask."""
        self._usual = {place: usual for place, usual in self._usual.items() if place[1] in hours}
        for hour in hours:
            wanted = [
                organisation_id
                for (organisation_id, at), (calls, _) in counts.items()
                if at == hour
                and calls >= choices.get(organisation_id, rules.USUAL).rate_calls
                and (organisation_id, hour) not in self._usual
            ]
            for organisation_id, usual in usual_of(session, wanted, hour).items():
                self._usual[organisation_id, hour] = usual


def usual_of(session: Session, organisation_ids: Collection[UUID], hour: datetime) -> dict[UUID, int | None]:
    """Calls an hour that are usual at that time (rules.usual_rate); None for who has called too short a time."""
    if not organisation_ids:
        return {}
    same_time: dict[UUID, dict[int, int]] = {}
    for organisation_id, at, calls in _sums_by_hour(session, organisation_ids, hour):
        same_time.setdefault(organisation_id, {})[(hour - at) // HOUR] = int(calls)
    days: dict[UUID, dict[datetime, int]] = {}
    for organisation_id, day, calls in _sums_by_day(session, organisation_ids, clock.day_of(hour)):
        days.setdefault(organisation_id, {})[day] = int(calls)
    found: dict[UUID, int | None] = {}
    for one in organisation_ids:
        its = days.get(one, {})
        is_known = any(day <= hour - rules.KNOWN_AFTER for day in its)
        week = sum(calls for day, calls in its.items() if day >= clock.day_of(hour) - rules.WEEK * DAY)
        found[one] = rules.usual_rate(same_time.get(one, {}), week) if is_known else None
    return found


def _counts(session: Session, hours: Collection[datetime]) -> Counts:
    """(calls, errors) of each organisation in each of these hours, in one statement.

    By those who called this month: the totals' index begins with the organisation.
    """
    months = {periods.start_of(periods.MONTH, hour) for hour in hours}
    active = select(UsageMonth.organisation_id).where(col(UsageMonth.month_at).in_(months))
    statement = (
        select(UsageHour.organisation_id, UsageHour.hour_at, func.sum(UsageHour.calls), func.sum(UsageHour.errors))
        .where(col(UsageHour.organisation_id).in_(active), col(UsageHour.hour_at).in_(hours))
        .group_by(col(UsageHour.organisation_id), col(UsageHour.hour_at))
    )
    return {(one, hour): (int(calls), int(errors)) for one, hour, calls, errors in session.exec(statement)}


def _sums_by_hour(
    session: Session, organisation_ids: Collection[UUID], hour: datetime
) -> list[tuple[UUID, datetime, int]]:
    statement = (
        select(UsageHour.organisation_id, UsageHour.hour_at, func.sum(UsageHour.calls))
        .where(col(UsageHour.organisation_id).in_(organisation_ids))
        .where(col(UsageHour.hour_at).in_([hour - back * HOUR for back in rules.SAME_TIME]))
        .group_by(col(UsageHour.organisation_id), col(UsageHour.hour_at))
    )
    return list(session.exec(statement).all())


def _sums_by_day(
    session: Session, organisation_ids: Collection[UUID], today: datetime
) -> list[tuple[UUID, datetime, int]]:
    statement = (
        select(UsageDay.organisation_id, UsageDay.day_at, func.sum(UsageDay.calls))
        .where(col(UsageDay.organisation_id).in_(organisation_ids))
        .where(col(UsageDay.day_at) >= today - LOOKED_BACK, col(UsageDay.day_at) < today)
        .group_by(col(UsageDay.organisation_id), col(UsageDay.day_at))
    )
    return list(session.exec(statement).all())


def _found(organisation_id: UUID, rule: str, hour: datetime, words: str) -> Found:
    return Found(organisation_id, rule, key=f"{rule} {hour:%Y-%m-%dT%H}", words=words, began_at=hour)


def _when(hour: datetime, now: datetime) -> str:
    """“since 14:00 UTC”, or “from 13:00 to 14:00 UTC” of an hour that is over."""
    return f"from {hour:%H:%M} to {hour + HOUR:%H:%M} UTC" if now >= hour + HOUR else f"since {hour:%H:%M} UTC"
