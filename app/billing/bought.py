"""How much credit was bought by itself, and how much more may be. In minor units."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func
from sqlmodel import Session, col, select

from app.billing.payment_models import AUTOMATIC, COUNTED, AutoTopUp, CreditPayment
from app.plans import periods


def this_month(session: Session, organisation_id: UUID, mode: str, *, now: datetime) -> int:
    """By itself, in minor units; also what is still on its way."""
    since = periods.start_of(periods.MONTH, now)
    statement = select(func.coalesce(func.sum(CreditPayment.amount), 0)).where(
        CreditPayment.organisation_id == organisation_id,
        CreditPayment.mode == mode,
        CreditPayment.kind == AUTOMATIC,
        col(CreditPayment.state).in_(COUNTED),
        col(CreditPayment.created_at) >= since,
    )
    return int(session.exec(statement).one())


def room(session: Session, organisation_id: UUID, mode: str, *, now: datetime) -> int | None:
    """What may still be bought by itself this month; None where nothing was agreed to."""
    auto = session.get(AutoTopUp, (organisation_id, mode))
    if auto is None:
        return None
    return max(0, auto.month_most - this_month(session, organisation_id, mode, now=now))
