"""Subscriptions that are not paid for: what Stripe says of them, and from when on what costs something is stopped.

While Stripe still tries to collect a bill (past due), calls go on for the days of grace. Once it has given up (unpaid),
and where there is nothing to pay with (paused), they stop at once. Whoever pays goes on at once.
"""

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from app.core.errors import Invalid
from app.plans import recording
from app.plans.models import ACTIVE, PAST_DUE, PAUSED, STATES, UNPAID, Subscription

STOPS_AT_ONCE = (UNPAID, PAUSED)
PAGE = 200


def set_state(session: Session, *, subscription: Subscription, state: str, now: datetime) -> None:
    """What Stripe says of it. Nothing happens when it is so already. Raises Invalid for no state of ours.

    Its limits are due again (limited_at): whoever asks for this applies them in the same transaction.
    """
    if state not in STATES:
        raise Invalid(f"“{state}” is no state of a subscription.")
    if subscription.state == state and (state == ACTIVE or subscription.owes_since is not None):
        return
    details = {"state": state, "was": subscription.state}
    subscription.owes_since = subscription.owes_since or now
    subscription.state, subscription.limited_at = state, None
    if state == ACTIVE:
        subscription.owes_since = subscription.stopped_at = None
    elif state in STOPS_AT_ONCE:
        subscription.stopped_at = subscription.stopped_at or now
    recording.keep(session, subscription)
    recording.tell(session, subscription, "subscription.state", now=now, details=details)


def stop_overdue(session: Session, *, grace: timedelta, now: datetime) -> int:
    """Stop those whose days of grace are over; gives how many. At most a page; for the worker."""
    statement = (
        select(Subscription)
        .where(Subscription.state == PAST_DUE, col(Subscription.owes_since) <= now - grace)
        .where(col(Subscription.stopped_at).is_(None), col(Subscription.ends_at).is_(None))
        .order_by(col(Subscription.owes_since), col(Subscription.id))
        .limit(PAGE)
        .with_for_update(skip_locked=True)
    )
    found = session.exec(statement).all()
    for subscription in found:
        subscription.stopped_at, subscription.limited_at = now, None
        details = {"state": subscription.state, "grace_days": str(grace.days)}
        recording.keep(session, subscription)
        recording.tell(session, subscription, "subscription.stopped", now=now, details=details)
    return len(found)


def stops_at(subscription: Subscription, *, grace: timedelta) -> datetime | None:
    """From when on calls that cost something stop, or have been stopped; None where all is paid."""
    if subscription.stopped_at is not None or subscription.owes_since is None:
        return subscription.stopped_at
    return subscription.owes_since + grace


def carry(before: Subscription | None, made: Subscription) -> None:
    """What is owed at Stripe stays owed when the same subscription there goes on as another plan."""
    if before is not None and made.stripe_id and before.stripe_id == made.stripe_id and before.owes_since is not None:
        made.state, made.owes_since, made.stopped_at = before.state, before.owes_since, before.stopped_at
