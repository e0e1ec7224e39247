"""What an operator has announced for a subscription, beside what its customer changes of it meanwhile: other seats do
not put off new prices.
"""

from datetime import datetime

from sqlmodel import Session

from app.plans import queries
from app.plans.choosing import Choice
from app.plans.models import BY_OPERATOR, Subscription


def at_of(subscription: Subscription | None) -> datetime | None:
    """From when on another version of its plan holds, as its customer was told; None where nothing was."""
    if subscription is None or subscription.next_by != BY_OPERATOR or subscription.next_plan_version_id is None:
        return None
    return subscription.next_at


def then(session: Session, subscription: Subscription, choice: Choice) -> Choice:
    """What such a choice of the version that is held becomes when the announced one holds: with as many seats, and the
    same interval, where those can still be had.
    """
    assert subscription.next_plan_version_id is not None
    offer = queries.offer_of(session, subscription.next_plan_version_id)
    said = offer.document
    interval = choice.interval if choice.interval in said.intervals else next(iter(said.intervals), "")
    seats = min(max(choice.seats, said.seats_included), said.seats_most)
    return Choice(offer, choice.currency, interval, seats)


def carry(session: Session, before: Subscription | None, made: Subscription, choice: Choice) -> None:
    """What was announced stays so when only seats or interval change; Stripe is to be told again (told_at)."""
    if before is None or at_of(before) is None or before.plan_version_id != made.plan_version_id:
        return
    wanted = then(session, before, choice)
    made.next_plan_version_id, made.next_interval, made.next_seats = (
        wanted.offer.version.id, wanted.interval, wanted.seats,
    )  # fmt: skip
    made.next_at, made.next_by, made.told_at = before.next_at, before.next_by, None
    session.add(made)
