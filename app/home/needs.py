"""What waits for somebody of the organisation: the things that stop calls soon, or do so already."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.billing import watching
from app.integrations.models import Integration, Tool
from app.keys.models import Key
from app.metering.models import Attempt
from app.organisations.models import Organisation
from app.unusual import queries as unusual

SOON = timedelta(days=14)
LATELY = timedelta(days=1)
NEARLY = 80
"""Percent of a limit from which on it is near."""


@dataclass(frozen=True, slots=True)
class Need:
    """words: a sentence. endpoint: of the page that mends it; label: of the link there."""

    words: str
    endpoint: str
    label: str


def of(session: Session, organisation: Organisation, *, currency: str, now: datetime) -> list[Need]:
    """The most pressing first."""
    return [
        *_limits(session, organisation, currency=currency, now=now),
        *_refused(session, organisation, now=now),
        *_unusual(session, organisation),
        *_expiring(session, organisation, now=now),
    ]


def of_operators(session: Session) -> list[Need]:
    """What only operators can mend: tools that nobody has looked at, as they were found, and are not served."""
    statement = (
        select(sa.func.count())
        .select_from(Tool)
        .join(Integration, col(Integration.id) == col(Tool.integration_id))
        .where(col(Integration.is_enabled).is_(True), col(Tool.state).in_(("new", "changed")))
    )
    count = session.exec(statement).one()
    words = "One tool waits to be approved." if count == 1 else f"{count:,} tools wait to be approved."
    return [Need(words, "admin.index", "Operator’s pages")] if count else []


def _limits(session: Session, organisation: Organisation, *, currency: str, now: datetime) -> list[Need]:
    found = [
        one
        for one in watching.of(session, organisation, currency=currency, now=now)
        if one.most and one.percent >= NEARLY
    ]
    return [
        Need(f"{one.percent} % used of {one.whose}: {one.progress} this {one.period}.", "limits.index", "Limits")
        for one in sorted(found, key=lambda one: -one.percent)
    ]


def _refused(session: Session, organisation: Organisation, *, now: datetime) -> list[Need]:
    statement = select(sa.func.count()).where(
        col(Attempt.organisation_id) == organisation.id, col(Attempt.at) >= now - LATELY
    )
    count = session.exec(statement).one()
    words = "One call was refused in 24 hours." if count == 1 else f"{count:,} calls were refused in 24 hours."
    return [Need(words, "refused.index", "Why")] if count else []


def _unusual(session: Session, organisation: Organisation) -> list[Need]:
    count, newest = unusual.waiting_of(session, organisation)
    if newest is None:
        return []
    words = newest.words if count == 1 else f"{count:,} alerts on use that nobody has seen. The last: {newest.words}"
    return [Need(words, "use_alerts.index", "Alerts on use")]


def _expiring(session: Session, organisation: Organisation, *, now: datetime) -> list[Need]:
    statement = (
        select(Key.name)
        .where(col(Key.organisation_id) == organisation.id, col(Key.revoked_at).is_(None))
        .where(col(Key.deleted_at).is_(None), col(Key.is_enabled).is_(True))
        .where(col(Key.expires_at) > now, col(Key.expires_at) <= now + SOON)
        .order_by(col(Key.expires_at))
    )
    names = list(session.exec(statement.limit(100)))
    if not names:
        return []
    words = f"The key “{names[0]}” expires" if len(names) == 1 else f"{len(names)} keys expire, “{names[0]}” first,"
    return [Need(f"{words} within {SOON.days} days.", "keys.index", "API keys")]
