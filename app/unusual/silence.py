"""Keys in regular use that nobody uses any more, and those that are used again."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, or_
from sqlmodel import Session, col, select

from app.keys.models import LIVE, Key
from app.keys.seen_models import SecretUse
from app.unusual import rules
from app.unusual.found import Found
from app.unusual.models import UseAlert
from app.unusual.rules import SILENT, Choice

LATELY = timedelta(days=1)
"""A silence is told within so long of the moment at which it is long enough; whoever was away then is spared."""


def look(session: Session, choices: Mapping[UUID, Choice], *, now: datetime) -> list[Found]:
    """Keys whose silence has become long enough."""
    found = []
    keys = [key for key in _long_silent(session, choices, now) if _is_due(key, choices, now)]
    days = _days_of_use(session, keys)
    for key in keys:
        if (last := key.last_used_at) is None:
            continue
        since = last.date() - timedelta(days=rules.REGULAR_WITHIN)
        count = sum(since < day <= last.date() for day in days.get(key.id, ()))
        if count >= rules.REGULAR_DAYS:
            found.append(_found(key, last, count))
    return found


def why_over(key: Key, alert: UseAlert, *, now: datetime) -> str:
    """ "" while it is silent."""
    if key.last_used_at is not None and key.last_used_at > alert.began_at:
        return "The key was used again."
    return "" if key.deleted_at is None and key.state_at(now) == LIVE else "The key does not work any more."


def _found(key: Key, last: datetime, count: int) -> Found:
    return Found(
        organisation_id=key.organisation_id,
        rule=SILENT,
        key=f"{SILENT} {key.id} {last:%Y-%m-%dT%H:%M:%S}",
        words=f"The key “{key.name}” was used on {count} of {rules.REGULAR_WITHIN} days, and not since "
        f"{last:%Y-%m-%d %H:%M} UTC.",
        began_at=last,
        about=str(key.id),
        key_id=key.id,
    )


def _long_silent(session: Session, choices: Mapping[UUID, Choice], now: datetime) -> Sequence[Key]:
    """Live keys whose last use is as long ago as anybody's number of days, whosever they are."""
    spans = {choice.silent_days for choice in choices.values()} | {rules.USUAL.silent_days}
    last = col(Key.last_used_at)
    ranges = [
        and_(last <= now - timedelta(days=days), last > now - timedelta(days=days) - LATELY) for days in sorted(spans)
    ]
    statement = (
        select(Key)
        .where(or_(*ranges), col(Key.revoked_at).is_(None), col(Key.deleted_at).is_(None), col(Key.is_enabled))
        .order_by(col(Key.id))
    )
    return [key for key in session.exec(statement) if key.state_at(now) == LIVE]


def _is_due(key: Key, choices: Mapping[UUID, Choice], now: datetime) -> bool:
    """Whether it is so by its own organisation's number."""
    choice = choices.get(key.organisation_id, rules.USUAL)
    silence = now - key.last_used_at if key.last_used_at is not None else timedelta()
    return (
        choice.has(SILENT)
        and timedelta(days=choice.silent_days) <= silence < timedelta(days=choice.silent_days) + LATELY
    )


def _days_of_use(session: Session, keys: Sequence[Key]) -> dict[UUID, set[date]]:
    """As far back as is asked for."""
    first = min((key.last_used_at for key in keys if key.last_used_at is not None), default=None)
    if first is None:
        return {}
    statement = select(col(SecretUse.key_id), col(SecretUse.used_on)).where(
        col(SecretUse.key_id).in_([key.id for key in keys]),
        col(SecretUse.used_on) > first.date() - timedelta(days=rules.REGULAR_WITHIN),
    )
    found: dict[UUID, set[date]] = {}
    for key_id, day in session.exec(statement):
        found.setdefault(key_id, set()).add(day)
    return found
