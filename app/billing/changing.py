"""Changing a subscription at Stripe: previewed first, then done exactly so.

What costs more begins at once: fees are prorated to the very second that was shown, and the meters of the plan that is
left stay until the month is over, since Stripe bills what they have counted only then. What costs less, and what ends,
waits for the end of what is paid for. Each change carries the id of the page on which it was agreed to, so that
pressing twice changes once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from app.billing import scheduling
from app.billing.offers import Item
from app.billing.problems import Declined, Missing, StripeRefused
from app.billing.stripe_api import Found, StripeApi, key_for
from app.plans.choosing import Choice

Wanted = dict[str, Any]
_PAID_NOW: Wanted = {"proration_behavior": "always_invoice", "payment_behavior": "error_if_incomplete"}


@dataclass(frozen=True, slots=True)
class Change:
    """visit: of the page on which it was agreed to. choice, items: what is wanted. at: when it begins, for an upgrade
    the moment for which amounts were shown.
    """

    visit: UUID
    choice: Choice
    items: Sequence[Item]
    at: datetime

    @property
    def begins(self) -> int:
        """The same in seconds, as Stripe counts."""
        return int(self.at.timestamp())

    @property
    def said(self) -> dict[str, str]:
        """For the metadata: what checkout.said_of says of a first payment."""
        return {
            "checkout_id": str(self.visit),
            "plan_version_id": str(self.choice.offer.version.id),
            "interval": self.choice.interval,
            "seats": str(self.choice.seats),
            "from": self.at.isoformat(),
        }


def preview(api: StripeApi, subscription: Found, change: Change) -> Found | None:
    """The invoice that an upgrade makes at once; None when nothing is due. Asks Stripe, which changes nothing."""
    details = {
        "items": _items_now(subscription, change.items),
        "proration_behavior": "always_invoice",
        "proration_date": change.begins,
    }
    params = {"subscription": subscription["id"], "subscription_details": details}
    try:
        return api.post(api.v1.invoices.create_preview, params=params, key=_key("preview", subscription, change.visit))
    except Missing:
        return None


def upgrade(api: StripeApi, subscription: Found, change: Change) -> None:
    """Now, and paid for now. Raises Declined, when nothing was changed: what was planned stays planned. Asks Stripe."""
    planned = _schedule(api, subscription)
    subscription = _without_schedule(api, subscription, change.visit)
    try:
        subscription = _changed_now(api, subscription, change, _PAID_NOW)
    except (Declined, StripeRefused):
        _put_back(api, subscription, planned, change.visit)
        raise
    _leave_meters(api, subscription, change)


def catch_up(api: StripeApi, subscription: Found, change: Change) -> None:
    """From change.at on, which has been: what fees differ since then comes onto the next invoice. Asks Stripe."""
    if subscription["metadata"].get("checkout_id") != str(change.visit):
        subscription = _without_schedule(api, subscription, change.visit)
    subscription = _changed_now(api, subscription, change, {"proration_behavior": "create_prorations"})
    _leave_meters(api, subscription, change)


def _leave_meters(api: StripeApi, subscription: Found, change: Change) -> None:
    """Until the month is over: what they have counted is billed then."""
    left = {str(item["price"]["id"]) for item in _items_of(subscription)} - {item.price for item in change.items}
    if left:
        ends = min(int(item["current_period_end"]) for item in _items_of(subscription))
        scheduling.follow(api, subscription, change.items, visit=change.visit, at=ends, said={})


def _changed_now(api: StripeApi, subscription: Found, change: Change, how: Wanted) -> Found:
    if subscription["metadata"].get("checkout_id") == str(change.visit):
        return subscription
    params: dict[str, Any] = {
        "items": _items_now(subscription, change.items),
        "proration_date": change.begins,
        "metadata": change.said,
        **how,
    }
    if subscription.get("cancel_at"):
        params["cancel_at"] = ""
    key = _key("upgrade", subscription, change.visit)
    return api.post(api.v1.subscriptions.update, str(subscription["id"]), params=params, key=key)


def plan_ahead(api: StripeApi, subscription: Found, change: Change) -> None:
    """From change.at on, which is the end of an interval. Asks Stripe."""
    subscription = _staying(api, subscription, change.visit)
    scheduling.follow(api, subscription, change.items, visit=change.visit, at=change.begins, said=change.said)


def cancel(api: StripeApi, subscription: Found, *, visit: UUID, at: datetime, reason: str) -> None:
    """From `at` on, the end of an interval. Asks Stripe."""
    subscription = _without_schedule(api, subscription, visit)
    # Not cancel_at_period_end: items that are paid by the month and by the year have two ends.
    params = {"cancel_at": int(at.timestamp()), "proration_behavior": "none"}
    details = {"cancellation_details": {"comment": reason}} if reason else {}
    key = _key("cancel", subscription, visit)
    api.post(api.v1.subscriptions.update, str(subscription["id"]), params={**params, **details}, key=key)


def resume(api: StripeApi, subscription: Found, *, visit: UUID) -> None:
    """Go on as it is, whatever was planned. Asks Stripe."""
    _staying(api, _without_schedule(api, subscription, visit), visit)


def unpause(api: StripeApi, subscription: Found, *, visit: UUID) -> None:
    """Bill it again, in the intervals that it had. Nothing happens when it goes on already. Asks Stripe."""
    if subscription["status"] != "paused":
        return
    params = {"billing_cycle_anchor": {"type": "unchanged"}}
    key = _key("unpause", subscription, visit)
    api.post(api.v1.subscriptions.resume, str(subscription["id"]), params=params, key=key)


def _schedule(api: StripeApi, subscription: Found) -> Found | None:
    """What is planned for it at Stripe."""
    schedule = subscription.get("schedule")
    return api.get(api.v1.subscription_schedules.retrieve, str(schedule)) if schedule else None


def _put_back(api: StripeApi, subscription: Found, planned: Found | None, visit: UUID) -> None:
    """Nothing came of the change for which this was taken away, so it is planned again."""
    if planned is None:
        return
    last = planned["phases"][-1]
    items = [Item(str(one["price"]), one.get("quantity")) for one in last["items"]]
    again, at = uuid5(visit, str(planned["id"])), int(last["start_date"])
    scheduling.follow(api, subscription, items, visit=again, at=at, said=last.get("metadata") or {})


def _without_schedule(api: StripeApi, subscription: Found, visit: UUID) -> Found:
    schedule = subscription.get("schedule")
    if not schedule:
        return subscription
    key = key_for("release", schedule, visit)
    api.post(api.v1.subscription_schedules.release, str(schedule), params={}, key=key)
    return api.get(api.v1.subscriptions.retrieve, str(subscription["id"]))


def _staying(api: StripeApi, subscription: Found, visit: UUID) -> Found:
    if not subscription.get("cancel_at"):
        return subscription
    key = _key("stay", subscription, visit)
    return api.post(api.v1.subscriptions.update, str(subscription["id"]), params={"cancel_at": ""}, key=key)


def _items_now(subscription: Found, wanted: Sequence[Item]) -> list[Wanted]:
    """Fees change at once; meters that are left stay, because what they counted this month is yet to be billed."""
    missing = {item.price: item for item in wanted}
    changes: list[Wanted] = []
    for item in _items_of(subscription):
        kept = missing.pop(str(item["price"]["id"]), None)
        if _is_metered(item):
            continue
        if kept is None:
            changes.append({"id": item["id"], "deleted": True})
        elif kept.quantity != item.get("quantity"):
            changes.append({"id": item["id"], "quantity": kept.quantity})
    return [*changes, *[item.as_line() for item in wanted if item.price in missing]]


def _items_of(subscription: Found) -> list[Found]:
    return list(subscription["items"]["data"])


def _is_metered(item: Mapping[str, Any]) -> bool:
    return bool(item["price"]["recurring"]["usage_type"] == "metered")


def _key(purpose: str, subscription: Found, visit: UUID) -> str:
    return key_for(purpose, subscription["id"], visit)
