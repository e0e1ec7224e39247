"""What the next invoice will be: the change is made, the period ended, the invoice kept in mind, and all is undone."""

from collections.abc import Callable
from typing import Any

from app.sandbox.stripe.billing import drafts, prorating, subscribing
from app.sandbox.stripe.billing import lines as lines_of
from app.sandbox.stripe.desk import Ask, Desk
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.store import Thing, new_id


def preview(desk: Desk, ask: Ask, *, live: Callable[[Desk, int], Any]) -> Thing:
    """The invoice as the API shows it. live: lets time pass up to a moment.

    With proration_behavior always_invoice it is the one that the change makes at once, else that of the period's end.
    """
    with desk.store.scratch():
        invoice = _of_subscription(desk, ask, live) if ask.get("subscription") else _of_new(desk, ask)
        shown = desk.show(invoice)
    named = new_id("upcoming_in_")
    data = [line | {"invoice": named, "id": line["id"].replace("il_", "il_tmp_")} for line in shown["lines"]["data"]]
    shown["lines"] |= {"data": data, "url": f"/v1/invoices/{named}/lines"}
    return shown | {
        "id": named, "status": "draft", "number": None, "billing_reason": "upcoming", "hosted_invoice_url": None,
        "invoice_pdf": None, "attempted": False, "attempt_count": 0, "effective_at": None, "ending_balance": None,
        "auto_advance": False, "automatically_finalizes_at": None,
    }  # fmt: skip


def _of_subscription(desk: Desk, ask: Ask, live: Callable[[Desk, int], Any]) -> Thing:
    subscription = desk.need("subscription", ask.params["subscription"], "subscription", status=400)
    if subscription["status"] in ("canceled", "incomplete_expired"):
        raise _none(subscription["customer"])
    details = ask.get("subscription_details") or {}
    proration = details.get("proration_behavior", subscribing.LATER)
    if details.get("items"):
        at = prorating.since(desk, subscription, details.get("proration_date"))
        subscribing.change_items(desk, subscription, details["items"], proration=proration, at=at)
        if proration == subscribing.NOW:
            made = subscribing.invoice_now(desk, subscription)
            if made is None:
                raise _none(subscription["customer"])
            return made
    if details.get("cancel_at_period_end"):
        ends = [item["current_period_end"] for item in subscribing.items_of(desk, subscription)]
        subscription |= {"cancel_at": max(ends), "cancel_at_period_end": True}
    known = {each["id"] for each in desk.store.all("invoice", ref=subscription["id"])}
    subscription = subscribing.save(desk, subscription)
    others = desk.store.execute("SELECT id FROM thing WHERE due IS NOT NULL AND id != ?", (subscription["id"],))
    desk.store.execute("UPDATE thing SET due = NULL WHERE id != ?", (subscription["id"],))
    for _ in range(len(others) + 1):
        if subscription["_due"] is None:
            break
        live(desk, subscription["_due"])
        made_now = [each for each in desk.store.all("invoice", ref=subscription["id"]) if each["id"] not in known]
        if made_now:
            return made_now[0]
        subscription = desk.need("subscription", subscription["id"])
    raise _none(subscription["customer"])


def _of_new(desk: Desk, ask: Ask) -> Thing:
    """The first invoice of a subscription that is not there yet, or what is pending for the customer."""
    if not ask.get("customer"):
        raise Refused("You must provide a customer or a subscription.", param="customer")
    customer = desk.living("customer", ask.params["customer"], "customer")
    details = ask.get("subscription_details") or {}
    if details.get("items"):
        anchor = (details.get("billing_cycle_anchor") or {}).get("timestamp")
        proration = details.get("proration_behavior", subscribing.LATER)
        made = subscribing.create(desk, customer, details["items"], anchor=anchor, proration=proration)
        return desk.need("invoice", made["latest_invoice"])
    pending = drafts.pending(desk, customer, None)
    if not pending:
        raise _none(customer["id"])
    return drafts.create(
        desk, customer, [lines_of.of_item(each) for each in pending], reason="upcoming",
        period=(desk.now(), desk.now()), currency=pending[0]["currency"], grace_s=None,
    )  # fmt: skip


def _none(customer: str) -> Refused:
    return Refused(f"No upcoming invoices for customer: {customer}", status=404, code="invoice_upcoming_none")
