"""Requests that were refused, as far as they are kept one by one: lists of them, and how many there were."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import ColumnElement, and_, func, or_
from sqlmodel import Session, col, select

from app.metering.models import Attempt
from app.organisations.models import Organisation


def listed(
    session: Session,
    organisation: Organisation,
    *,
    since: datetime,
    limit: int,
    key_id: UUID | None = None,
    reason: str = "",
    before: str | None = None,
) -> list[Attempt]:
    """Newest first. before: a request's id; only what is older is given, all if that is gone meanwhile."""
    wanted = _of(organisation, since)
    if key_id is not None:
        wanted.append(col(Attempt.key_id) == key_id)
    if reason:
        wanted.append(col(Attempt.reason) == reason)
    last = session.get(Attempt, before) if before is not None else None
    if last is not None:
        is_older = and_(col(Attempt.at) == last.at, col(Attempt.id) < last.id)
        wanted.append(or_(col(Attempt.at) < last.at, is_older))
    statement = select(Attempt).where(*wanted).order_by(col(Attempt.at).desc(), col(Attempt.id).desc())
    return list(session.exec(statement.limit(limit)))


def reasons(session: Session, organisation: Organisation, *, since: datetime) -> list[tuple[str, int]]:
    """(reason, how many), most first."""
    count = func.count()
    statement = sa.select(col(Attempt.reason), count).where(*_of(organisation, since)).group_by(col(Attempt.reason))
    found = session.execute(statement.order_by(count.desc(), col(Attempt.reason)))
    return [(reason, int(number)) for reason, number in found]


def _of(organisation: Organisation, since: datetime) -> list[ColumnElement[bool]]:
    return [col(Attempt.organisation_id) == organisation.id, col(Attempt.at) >= since]
