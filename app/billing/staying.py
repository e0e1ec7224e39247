"""Leaving a plan at the end of what is paid for, staying after all, and going on after a pause."""

from datetime import datetime
from uuid import UUID

from app.billing import changing, subscriptions
from app.billing.desk import Desk
from app.billing.review import is_at_stripe
from app.billing.stripe_api import Found, StripeApi
from app.core.errors import Conflict
from app.organisations import closing
from app.plans import intervals, services
from app.plans.models import BY_CUSTOMER, PAUSED, Subscription
from app.plans.queries import Standing


def subscription_of(standing: Standing) -> Subscription:
    """What can be cancelled. Raises Conflict for nothing."""
    if standing.subscription is None or standing.offer.document.is_default:
        raise Conflict("There is no subscription to cancel.")
    return standing.subscription


def ends_at(subscription: Subscription, *, now: datetime) -> datetime:
    """When what is paid for is over."""
    return intervals.around(now, interval=subscription.interval, anchor_at=subscription.anchor_at)[1]


def cancel(desk: Desk, *, visit: UUID, reason: str) -> datetime:
    """Gives when it ends. visit: of the page, or the request, by which it was asked for. Asks Stripe if it is there."""
    held = desk.standing()
    subscription = subscription_of(held)
    at = ends_at(subscription, now=desk.now)
    if is_at_stripe(held):
        api, at_stripe = _at_stripe(desk, subscription)
        changing.cancel(api, at_stripe, visit=visit, at=at, reason=reason)
        _apply(desk, api, at_stripe)
    if subscription.next_at is None or subscription.next_plan_version_id is not None:
        services.cancel(
            desk.session, organisation=desk.organisation, reason=reason, person_id=desk.person_id, now=desk.now
        )
    return at


def resume(desk: Desk, *, visit: UUID) -> None:
    """Raises Conflict where nothing is planned that the organisation could take back, and while it is being deleted.
    Asks Stripe as `cancel` does.
    """
    closing.refuse(desk.organisation)
    held = desk.standing()
    subscription = held.subscription
    if subscription is None or subscription.next_at is None or subscription.next_by != BY_CUSTOMER:
        raise Conflict("Nothing is planned that you could take back.")
    if is_at_stripe(held):
        api, at_stripe = _at_stripe(desk, subscription)
        changing.resume(api, at_stripe, visit=visit)
        _apply(desk, api, at_stripe)
    if subscription.next_at is not None:
        services.resume(desk.session, organisation=desk.organisation, person_id=desk.person_id, now=desk.now)


def unpause(desk: Desk, *, visit: UUID) -> Subscription:
    """Have a paused plan go on; gives it as it is then: an invoice that was not collected leaves it owing.

    Raises Conflict where nothing is paused or there is no card, and while the organisation is being deleted; Declined
    when the card was. Asks Stripe.
    """
    closing.refuse(desk.organisation)
    subscription, payer = desk.standing().subscription, desk.account()
    if subscription is None or subscription.state != PAUSED:
        raise Conflict("Your plan is not paused. Nothing was changed.")
    if payer is None or not payer.card:
        raise Conflict("There is no card to pay with. Give one on the page “Billing”, then resume the plan.")
    api, at_stripe = _at_stripe(desk, subscription)
    changing.unpause(api, at_stripe, visit=visit)
    _apply(desk, api, at_stripe)
    return subscription


def _at_stripe(desk: Desk, subscription: Subscription) -> tuple[StripeApi, Found]:
    api, _ = desk.stripe()
    return api, api.get(api.v1.subscriptions.retrieve, subscription.stripe_id)


def _apply(desk: Desk, api: StripeApi, at_stripe: Found) -> None:
    found = subscriptions.fetch_of_customer(api, str(at_stripe["customer"]))
    subscriptions.apply(desk.session, found, desk.now, desk.person_id)
