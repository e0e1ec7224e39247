"""Ranges of usage on their way to Stripe, for operators: what waits, what was refused, and sending that again."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func
from sqlmodel import Session, col, select

from app.billing.usage_models import REFUSED, WAITING, StripeOutbox
from app.core import audit
from app.core.errors import Conflict, NotFound


def listed(session: Session, state: str, *, limit: int, offset: int = 0) -> list[StripeOutbox]:
    """Ranges in this state, the oldest first."""
    statement = select(StripeOutbox).where(StripeOutbox.state == state)
    return list(
        session.exec(statement.order_by(col(StripeOutbox.created_at), col(StripeOutbox.id)).limit(limit).offset(offset))
    )


def counts(session: Session) -> dict[str, int]:
    """How many wait, and how many were refused."""
    statement = (
        select(StripeOutbox.state, func.count())
        .where(col(StripeOutbox.state).in_((WAITING, REFUSED)))
        .group_by(col(StripeOutbox.state))
    )
    return {WAITING: 0, REFUSED: 0, **dict(session.exec(statement).all())}


def send_again(session: Session, range_id: UUID, *, person_id: UUID, now: datetime) -> StripeOutbox:
    """Have a refused range sent once more, under its own name. Raises NotFound, Conflict for others."""
    found = session.get(StripeOutbox, range_id, with_for_update=True)
    if found is None:
        raise NotFound("There is no such range of usage.")
    if found.state != REFUSED:
        raise Conflict("Only what Stripe refused can be sent again; this was not.")
    found.state, found.due_at, found.tries, found.first_sent_at = WAITING, now, found.tries + 1, None
    session.add(found)
    audit.record(
        session,
        action="usage_range.sent_again",
        now=now,
        organisation_id=found.organisation_id,
        person_id=person_id,
        details={"range": found.identifier},
    )
    session.flush()
    return found
