"""Looking raises up: what an organisation may do beyond its plan, for a while."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from app.limits.raise_models import LimitRaise

PAGE = 200


def in_force(session: Session, organisation_id: UUID, *, at: datetime) -> list[LimitRaise]:
    """Those that hold at `at`, what ends first first."""
    statement = (
        select(LimitRaise)
        .where(LimitRaise.organisation_id == organisation_id, col(LimitRaise.ended_at).is_(None))
        .where(LimitRaise.ends_at > at)
        .order_by(col(LimitRaise.ends_at), col(LimitRaise.id))
    )
    return list(session.exec(statement))


def due(session: Session, *, now: datetime) -> list[LimitRaise]:
    """Those whose end has come; a page."""
    statement = (
        select(LimitRaise)
        .where(col(LimitRaise.ended_at).is_(None), col(LimitRaise.ends_at) <= now)
        .order_by(col(LimitRaise.ends_at), col(LimitRaise.id))
        .limit(PAGE)
        .with_for_update(skip_locked=True)
    )
    return list(session.exec(statement))
