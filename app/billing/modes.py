"""Test and live mode of Stripe never meet: what was subscribed to or bought in one is not paid for in the other."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, exists, func
from sqlmodel import Session, col, select

from app.billing import paid_back, wallet
from app.billing.models import LIVE, TEST, BillingAccount
from app.billing.payment_models import CreditPayment
from app.billing.wallet_models import CreditGrant
from app.core.errors import Conflict
from app.limits import entitlements
from app.organisations.models import Organisation
from app.plans import succession
from app.plans.models import Subscription

OTHER = {TEST: LIVE, LIVE: TEST}
PAGE = 200


def check(session: Session, mode: str) -> None:
    """Raises Conflict while subscriptions of the other mode are in force, or credit bought there is left: a live key
    beside test subscriptions would give away what nobody pays for, and a test key beside live ones would believe that
    nobody does.
    """
    statement = select(func.count()).select_from(Subscription).where(*_of_other(mode))
    found = int(session.exec(statement).one())
    if found:
        raise Conflict(
            f"The key is of Stripe’s {mode} mode, and {found} {'subscription' if found == 1 else 'subscriptions'} here "
            f"of its {OTHER[mode]} mode. Set the key of that mode, or end them: postern stripe leave {OTHER[mode]}"
        )
    if _with_credit(session, OTHER[mode], limit=1):
        raise Conflict(
            f"The key is of Stripe’s {mode} mode, and credit that was bought in its {OTHER[mode]} mode is left here. "
            f"Set the key of that mode, or take the credit back: postern stripe leave {OTHER[mode]}"
        )


def leave(session: Session, mode: str, *, now: datetime) -> int:
    """End what was subscribed to in `mode`, here and not at Stripe; who was on it is on the default plan. Gives how
    many there were, at most a page.
    """
    statement = select(Subscription).where(*_of_other(OTHER[mode])).order_by(col(Subscription.id)).limit(PAGE)
    found = session.exec(statement).all()
    for subscription in found:
        succession.end(session, subscription=subscription, now=now)
        organisation = session.get_one(Organisation, subscription.organisation_id)
        entitlements.apply(session, organisation=organisation, now=now)
    return len(found)


def take_credit_back(session: Session, mode: str, *, now: datetime) -> int:
    """Take back what is left of credit that was bought in `mode`, here and not at Stripe; what calls under way may use
    is theirs. Gives of how many purchases anything was taken, at most a page.
    """
    taken = 0
    for payment in _with_credit(session, mode, limit=PAGE):
        words = f"Bought in Stripe’s {mode} mode, which was left"
        for grant in paid_back.grants_of(session, payment):
            reference = f"leave:{grant.id}:{grant.voided_nanos}"
            taken += bool(
                wallet.take_back(
                    session, grant=grant, nanos=grant.left_nanos, reference=reference, words=words, now=now
                )
            )
    return taken


def _with_credit(session: Session, mode: str, *, limit: int) -> Sequence[CreditPayment]:
    """Payments of `mode` of whose credit something is left."""
    reference = "payment:" + col(CreditPayment.payment_id)
    statement = (
        select(CreditPayment)
        .join(CreditGrant, col(CreditGrant.reference) == reference)
        .where(CreditPayment.mode == mode, wallet.LEFT > 0)
        .order_by(col(CreditPayment.created_at), col(CreditPayment.id))
    )
    return session.exec(statement.limit(limit)).all()


def _of_other(mode: str) -> tuple[ColumnElement[bool], ...]:
    """Open subscriptions whose organisation has paid in the other mode alone."""

    def pays_in(wanted: str) -> ColumnElement[bool]:
        same = col(BillingAccount.organisation_id) == col(Subscription.organisation_id)
        return exists().where(same, col(BillingAccount.mode) == wanted)

    is_open = col(Subscription.ends_at).is_(None)
    return (col(Subscription.stripe_id) != "", is_open, pays_in(OTHER[mode]), ~pays_in(mode))
