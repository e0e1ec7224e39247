"""Subscriptions at Stripe, and what they are here: the plan, its seats and interval, and whether it is paid for.

All subscriptions of a customer are fetched together and applied together, so that neither the order of events nor their
number matters. What a subscription is for stands in its metadata, with the moment from which that was wanted: what
Stripe says is followed where it is newer than what is known here, and never the other way round.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from app.billing import checkout, customers, payments
from app.billing.models import OK, BillingAccount, StripeMark
from app.billing.offers import is_billed
from app.billing.stripe_api import Found, StripeApi, key_for
from app.core import clock
from app.limits import entitlements
from app.organisations.models import Organisation
from app.plans import models as states
from app.plans import owing, services, succession
from app.plans import queries as plans
from app.plans.choosing import Choice
from app.plans.models import BY_CUSTOMER, PlanVersion, Subscription

STATES = {
    "active": states.ACTIVE,
    "trialing": states.ACTIVE,
    "past_due": states.PAST_DUE,
    "unpaid": states.UNPAID,
    "paused": states.PAUSED,
}
"""Of living subscriptions; others have not begun (incomplete) or are over."""
_SAVES, _ON_SUBSCRIPTION = "save_default_payment_method", "on_subscription"
ON_ITS_WAY = ("succeeded", "processing")
"""Payments whose money is there, or may yet come."""


def fetch(api: StripeApi, subscription_id: str) -> Found:
    """Everything that the customer of this subscription has: what `fetch_of_customer` gives. Asks Stripe."""
    return fetch_of_customer(api, str(api.get(api.v1.subscriptions.retrieve, subscription_id)["customer"]))


def fetch_of_customer(api: StripeApi, customer_id: str) -> Found:
    """{"customer", "at": when it was asked, "subscriptions": all of them, also those that are over}.

    Of several living ones the one that began last is kept; others, paid for in the same moment in another window, are
    ended, and what was paid for them becomes a credit on the next bill. The one that is kept is charged to whatever
    card paid for it last: Checkout cannot be asked for that.
    """
    at = clock.now()
    found = _all(api, customer_id)
    kept = living(found)
    surplus = [one for one in found if _is_ours(one) and one["status"] in STATES and kept and one["id"] != kept["id"]]
    for one in surplus:
        params = {"prorate": True, "invoice_now": True}
        api.post(api.v1.subscriptions.cancel, str(one["id"]), params=params, key=key_for("surplus", one["id"]))
    if kept is not None:
        _let_it_save_cards(api, kept, at)
    return {"customer": customer_id, "at": at, "subscriptions": _all(api, customer_id) if surplus else found}


def fetch_of_checkout(api: StripeApi, session_id: str) -> Found:
    """A session of Checkout; with what its customer has now, once somebody has subscribed by it, or with what was paid
    for credit. Asks Stripe.
    """
    session = checkout.fetch(api, session_id)
    subscribed = fetch_of_customer(api, str(session["customer"])) if session.get("subscription") else None
    intent = session.get("payment_intent") if session["mode"] == "payment" else None
    return {"session": session, "subscribed": subscribed, "paid": payments.fetch(api, str(intent)) if intent else {}}


def apply_of_checkout(session: Session, found: Found, now: datetime) -> None:
    """The same in a transaction."""
    checkout.apply(session, found["session"], now)
    if found["subscribed"] is not None:
        apply(session, found["subscribed"], now)
    if found["paid"]:
        payments.apply(session, found["paid"], now)
        if found["session"]["status"] == "complete" and found["paid"]["payment"]["status"] not in ON_ITS_WAY:
            checkout.apply_failed(session, str(found["session"]["id"]), now)


def apply(session: Session, found: Found, now: datetime, person_id: UUID | None = None) -> None:
    """Make it so here: plan, state, what is planned, and what that allows; of a customer that is not ours it is nothing
    to us.

    person_id: who asked for it, if that is known.
    """
    account = customers.account_by_customer(session, str(found["customer"]))
    if account is None or _is_old(session, account, found["at"]):
        return
    organisation = session.get_one(Organisation, account.organisation_id)
    succession.follow_due(session, organisation_id=organisation.id, now=now)  # at its moment, not at this one
    current = plans.subscription_at(session, organisation.id, now)
    at_stripe = living(found["subscriptions"])
    if at_stripe is None:
        _over(session, current, found["subscriptions"], now)
        entitlements.apply(session, organisation=organisation, now=now)
        _stand(session, account, OK, now)
        return
    customers.know_card(session, account, at_stripe.get("default_payment_method"), now)
    choice = choice_of(session, at_stripe)
    if choice is not None and _is_news(session, organisation.id, current, at_stripe, choice):
        current = services.subscribe(
            session,
            organisation=organisation,
            choice=choice,
            stripe_id=str(at_stripe["id"]),
            is_paid=True,
            person_id=person_id,
            now=now,
        )
    if current is not None and current.stripe_id == at_stripe["id"]:
        _plan_its_end(session, organisation, current, at_stripe, person_id=person_id, now=now)
        owing.set_state(session, subscription=current, state=STATES[at_stripe["status"]], now=now)
    entitlements.apply(session, organisation=organisation, now=now)
    standing = STATES[at_stripe["status"]]
    _stand(session, account, OK if standing == states.ACTIVE else standing, now)


def living(found: Sequence[Found]) -> Found | None:
    """The one that holds: of ours that are not over, the one that began last."""
    ours = [one for one in found if _is_ours(one) and one["status"] in STATES]
    return max(ours, key=lambda one: (int(one["created"]), str(one["id"])), default=None)


def choice_of(session: Session, at_stripe: Found) -> Choice | None:
    """What it is for; None for a plan that is not known here."""
    said: Mapping[str, str] = at_stripe["metadata"]
    version = session.get(PlanVersion, UUID(said["plan_version_id"]))
    if version is None:
        return None
    offer = plans.offer_of(session, version.id)
    return Choice(offer, str(at_stripe["currency"]), said.get("interval", ""), int(said.get("seats", "0")))


def _all(api: StripeApi, customer_id: str) -> list[Found]:
    params = {"customer": customer_id, "status": "all", "expand": ["data.default_payment_method"]}
    return list(api.every(api.v1.subscriptions.list, params=params))


def _let_it_save_cards(api: StripeApi, kept: Found, at: datetime) -> None:
    """An invoice that was declined may be paid with another card; without this the next would be declined again."""
    if (kept.get("payment_settings") or {}).get(_SAVES) == _ON_SUBSCRIPTION:
        return
    params = {"payment_settings": {_SAVES: _ON_SUBSCRIPTION}}
    key = key_for("saves-card", kept["id"], at.isoformat())
    api.post(api.v1.subscriptions.update, str(kept["id"]), params=params, key=key)


def _is_ours(one: Found) -> bool:
    return customers.PLAN in (one.get("metadata") or {})


def _is_old(session: Session, account: BillingAccount, at: datetime) -> bool:
    """Whether something that was asked later is known already: a worker may be overtaken by the page of its reader."""
    name = f"sub {account.organisation_id.hex}"
    mark = session.get(StripeMark, (account.mode, name))
    if mark is not None and mark.at > at:
        return True
    mark = mark or StripeMark(mode=account.mode, name=name, at=at)
    mark.at = at
    session.add(mark)
    return False


def _is_news(
    session: Session, organisation_id: UUID, current: Subscription | None, at_stripe: Found, choice: Choice
) -> bool:
    if current is None or all(one.stripe_id != at_stripe["id"] for one in plans.history(session, organisation_id)):
        return True
    known = (current.plan_version_id, current.currency, current.interval, current.seats)
    if known == (choice.offer.version.id, choice.currency, choice.interval, choice.seats):
        return False
    since = at_stripe["metadata"].get("from")
    return since is not None and datetime.fromisoformat(since) >= current.begins_at


def _plan_its_end(
    session: Session,
    organisation: Organisation,
    current: Subscription,
    at_stripe: Found,
    *,
    person_id: UUID | None,
    now: datetime,
) -> None:
    """Cancelled at Stripe for later, or not any more."""
    following = current.next_plan_version_id
    leads_away = following is None or not is_billed(plans.offer_of(session, following).document)
    if at_stripe.get("cancel_at"):
        if current.next_at is None or not leads_away:
            reason = str((at_stripe.get("cancellation_details") or {}).get("comment") or "")
            services.cancel(session, organisation=organisation, reason=reason, person_id=person_id, now=now)
    elif current.next_at is not None and leads_away and current.next_by == BY_CUSTOMER:
        services.resume(session, organisation=organisation, person_id=person_id, now=now)


def _over(session: Session, current: Subscription | None, found: Sequence[Found], now: datetime) -> None:
    """Nothing lives at Stripe any more: what stood on it ends here as well."""
    ended = {str(one["id"]) for one in found if one["status"] == "canceled"}
    if current is None or current.stripe_id not in ended:
        return
    if is_billed(plans.offer_of(session, current.plan_version_id).document):
        succession.end(session, subscription=current, now=now)


def _stand(session: Session, account: BillingAccount, state: str, now: datetime) -> None:
    if account.state != state:
        account.state, account.version, account.updated_at = state, account.version + 1, now
        session.add(account)
        session.flush()
