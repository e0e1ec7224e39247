"""Subscribing: who is on which plan from when on. The database only; what Stripe is to hear of it is billing's.

A subscription is never turned into another: it ends, and the next row begins in the same moment. Upgrades hold at once,
downgrades and cancellations from the end of the interval that is paid for (app/plans/succession.py).
"""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from app.core.errors import Conflict
from app.organisations import closing
from app.organisations.models import Organisation
from app.plans import amounts, announced, choosing, intervals, owing, queries, recording, seats
from app.plans.choosing import Choice
from app.plans.models import BY_CUSTOMER, Subscription

REASON_LENGTH = 500


def subscribe(
    session: Session,
    *,
    organisation: Organisation,
    choice: Choice,
    stripe_id: str = "",
    is_paid: bool = False,
    person_id: UUID | None = None,
    now: datetime,
) -> Subscription:
    """On this plan from now on, whatever it was on before.

    is_paid: it was paid for at Stripe already, so it holds also where more people belong to the organisation by now
    than it has seats. Raises Invalid for a choice that the plan does not offer, Conflict for too few seats, and for
    another currency than the organisation's.
    """
    check(session, organisation, choice, is_paid=is_paid)
    before = recording.open_of(session, organisation.id)
    anchor_at = intervals.anchor_of(now)
    if before is not None:
        recording.end(session, before, at=now)
        if before.interval == choice.interval and stripe_id == before.stripe_id:
            anchor_at = before.anchor_at
    made = recording.begin(session, organisation.id, choice, at=now, anchor_at=anchor_at, stripe_id=stripe_id, now=now)
    owing.carry(before, made)
    announced.carry(session, before, made, choice)
    recording.tell(
        session, made, "subscription.begun", person_id=person_id, now=now, details={"plan": choice.offer.plan.slug}
    )
    return made


def change(
    session: Session,
    *,
    organisation: Organisation,
    choice: Choice,
    by: str = BY_CUSTOMER,
    person_id: UUID | None = None,
    now: datetime,
) -> Subscription:
    """To another plan, interval or number of seats, now or at the end of the interval, as choosing.begins_at says.

    Gives the subscription that is in force afterwards. Raises Invalid, and Conflict if there is nothing to change.
    """
    current = recording.open_of(session, organisation.id)
    if current is None:
        return subscribe(session, organisation=organisation, choice=choice, person_id=person_id, now=now)
    check(session, organisation, choice)
    if choosing.is_same(current, choice):
        raise Conflict(f"You are on {choosing.words(choice)} already. Nothing was changed.")
    begins_at = choosing.begins_at(current, queries.offer_of(session, current.plan_version_id), choice, now=now)
    if begins_at <= now:
        stripe_id = current.stripe_id if choice.is_paid else ""
        return subscribe(
            session, organisation=organisation, choice=choice, stripe_id=stripe_id, person_id=person_id, now=now
        )
    plan_next(session, current, choice, at=begins_at, by=by, person_id=person_id, now=now)
    return current


def plan_next(
    session: Session,
    subscription: Subscription,
    choice: Choice,
    *,
    at: datetime,
    by: str,
    person_id: UUID | None = None,
    now: datetime,
) -> None:
    """What follows `subscription` from `at` on, instead of what was planned before."""
    subscription.next_plan_version_id = choice.offer.version.id
    subscription.next_interval, subscription.next_seats = choice.interval, choice.seats
    subscription.next_at, subscription.next_by, subscription.cancel_reason = at, by, ""
    subscription.told_at = None
    recording.keep(session, subscription)
    details = {"plan": choice.offer.plan.slug, "from": at.isoformat(timespec="seconds"), "by": by}
    recording.tell(session, subscription, "subscription.planned", person_id=person_id, now=now, details=details)


def cancel(
    session: Session, *, organisation: Organisation, reason: str, person_id: UUID | None = None, now: datetime
) -> Subscription:
    """Back to the default plan at the end of the interval that is paid for. Raises Conflict if it is there already."""
    current = recording.open_of(session, organisation.id)
    if current is None or queries.offer_of(session, current.plan_version_id).document.is_default:
        raise Conflict("There is no subscription to cancel.")
    _, ends_at = intervals.around(now, interval=current.interval, anchor_at=current.anchor_at)
    recording.forget_next(current)
    current.next_at, current.next_by, current.cancel_reason = ends_at, BY_CUSTOMER, reason.strip()[:REASON_LENGTH]
    recording.keep(session, current)
    details = {"ends": ends_at.isoformat(timespec="seconds"), "reason": current.cancel_reason}
    recording.tell(session, current, "subscription.cancelled", person_id=person_id, now=now, details=details)
    return current


def resume(
    session: Session, *, organisation: Organisation, person_id: UUID | None = None, now: datetime
) -> Subscription:
    """Stay, instead of what the customer had planned. Raises Conflict if nothing was, or an operator planned it."""
    current = recording.open_of(session, organisation.id)
    if current is None or current.next_at is None:
        raise Conflict("Nothing is planned that could be taken back.")
    if current.next_by != BY_CUSTOMER:
        raise Conflict("Whoever runs this gateway has planned that change; you can choose another plan instead.")
    recording.forget_next(current)
    recording.keep(session, current)
    recording.tell(session, current, "subscription.resumed", person_id=person_id, now=now, details={})
    return current


def check(session: Session, organisation: Organisation, choice: Choice, *, is_paid: bool = False) -> None:
    """Whether it can be chosen: before anybody pays for it. Raises as `subscribe` does."""
    choosing.check(choice, organisation_id=organisation.id)
    if not is_paid:
        closing.refuse(organisation)
        seats.check(session, organisation, choice)
    paid_in = queries.paid_in(session, organisation.id)
    if choice.currency and paid_in and paid_in != choice.currency:
        raise Conflict(
            f"“{organisation.name}” pays in {amounts.NAMES[paid_in]}, which cannot be changed. "
            f"Choose a plan in {amounts.NAMES[paid_in]}, or make another organisation to pay in "
            f"{amounts.NAMES[choice.currency]}."
        )
