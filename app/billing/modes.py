"""Test and live mode of Stripe never meet: what was subscribed to in one is not paid for in the other."""

from datetime import datetime

from sqlalchemy import ColumnElement, exists, func
from sqlmodel import Session, col, select

from app.billing.models import LIVE, TEST, BillingAccount
from app.core.errors import Conflict
from app.limits import entitlements
from app.organisations.models import Organisation
from app.plans import services
from app.plans.models import Subscription

OTHER = {TEST: LIVE, LIVE: TEST}
PAGE = 200


def check(session: Session, mode: str) -> None:
    """Raises Conflict while subscriptions of the other mode are in force: a live key beside test subscriptions would
    give away what nobody pays for, and a test key beside live ones would believe that nobody does.
    """
    statement = select(func.count()).select_from(Subscription).where(*_of_other(mode))
    found = int(session.exec(statement).one())
    if found:
        raise Conflict(
            f"The key is of Stripe’s {mode} mode, and {found} {'subscription' if found == 1 else 'subscriptions'} here "
            f"of its {OTHER[mode]} mode. Set the key of that mode, or end them: postern stripe leave {OTHER[mode]}"
        )


def leave(session: Session, mode: str, *, now: datetime) -> int:
    """End what was subscribed to in `mode`, here and not at Stripe; who was on it is on the default plan. Gives how
    many there were, at most a page.
    """
    statement = select(Subscription).where(*_of_other(OTHER[mode])).order_by(col(Subscription.id)).limit(PAGE)
    found = session.exec(statement).all()
    for subscription in found:
        services.end(session, subscription=subscription, now=now)
        organisation = session.get_one(Organisation, subscription.organisation_id)
        entitlements.apply(session, organisation=organisation, now=now)
    return len(found)


def _of_other(mode: str) -> tuple[ColumnElement[bool], ...]:
    """Open subscriptions whose organisation has paid in the other mode alone."""

    def pays_in(wanted: str) -> ColumnElement[bool]:
        same = col(BillingAccount.organisation_id) == col(Subscription.organisation_id)
        return exists().where(same, col(BillingAccount.mode) == wanted)

    is_open = col(Subscription.ends_at).is_(None)
    return (col(Subscription.stripe_id) != "", is_open, pays_in(OTHER[mode]), ~pays_in(mode))
