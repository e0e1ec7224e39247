"""Subscriptions: made, changed, ended. Each item has periods of its own, counted from the subscription's anchor."""

from collections.abc import Mapping
from typing import Any

from app.sandbox.stripe import arithmetic, calendar
from app.sandbox.stripe.billing import collecting, drafts
from app.sandbox.stripe.billing import lines as lines_of
from app.sandbox.stripe.billing import prices as prices_of
from app.sandbox.stripe.desk import LOOKS, Desk
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.store import Thing

MOST_ITEMS = 20
INCOMPLETE_S = 23 * 3600  # docs.stripe.com/billing/subscriptions/overview: then it expires
NONE, LATER, NOW = "none", "create_prorations", "always_invoice"


def items_of(desk: Desk, subscription: Thing) -> list[Thing]:
    """Oldest first."""
    return desk.store.all("subscription_item", ref=subscription["id"])


def price_of(desk: Desk, item: Thing) -> Thing:
    return desk.need("price", item["_price"])


def save(desk: Desk, subscription: Thing) -> Thing:
    """Keep it, with the moment at which something must happen to it."""
    moments = [item["current_period_end"] for item in items_of(desk, subscription)]
    moments += [subscription["cancel_at"], (subscription["pause_collection"] or {}).get("resumes_at")]
    schedule = desk.store.get(subscription["schedule"]) if subscription["schedule"] else None
    if schedule:
        moments += [phase["end_date"] for phase in schedule["phases"] if phase["end_date"] > desk.now()]
    status = subscription["status"]
    subscription["_then"] = min(moment for moment in moments if moment)
    if status == "incomplete":
        moments = [subscription["created"] + INCOMPLETE_S]
    over = status in ("canceled", "incomplete_expired", "paused")
    subscription["_due"] = None if over else min(moment for moment in moments if moment)
    return desk.put(subscription)


def create(
    desk: Desk,
    customer: Thing,
    wanted: list[Thing],
    *,
    anchor: int | None = None,
    proration: str = LATER,
    method: str | None = None,
    metadata: Mapping[str, str] | None = None,
    **fields: Any,  # noqa: ANN401
) -> Thing:
    """A subscription to `wanted` ({price, quantity, metadata}), with its first invoice open, nothing collected yet."""
    now = desk.now()
    if anchor is not None and anchor < now:
        raise Refused("billing_cycle_anchor must be in the future.", param="billing_cycle_anchor")
    prices = [_price(desk, each, place) for place, each in enumerate(wanted)]
    _check(prices)
    automatic = bool((fields.pop("automatic_tax", None) or {}).get("enabled"))
    subscription = desk.new(
        "subscription", "sub_", customer=customer["id"], currency=prices[0]["currency"], status="active",
        application=None, application_fee_percent=None, billing_cycle_anchor=anchor or now,
        automatic_tax={"enabled": automatic, "disabled_reason": None,
                       "liability": {"type": "self"} if automatic else None},
        billing_cycle_anchor_config=None, billing_mode={"type": "flexible", "flexible": None, "updated_at": None},
        billing_thresholds=None, cancel_at=None, cancel_at_period_end=False, canceled_at=None,
        cancellation_details={"comment": None, "feedback": None, "reason": None},
        collection_method="charge_automatically", days_until_due=None, default_payment_method=method,
        default_source=None, default_tax_rates=[], description=None, discounts=[], ended_at=None,
        invoice_settings={"account_tax_ids": None, "issuer": {"type": "self"}}, latest_invoice=None,
        metadata=dict(metadata or {}), next_pending_invoice_item_invoice=None, on_behalf_of=None, pause_collection=None,
        payment_settings={"payment_method_options": None, "payment_method_types": None,
                          "save_default_payment_method": "off"},
        pending_invoice_item_interval=None, pending_setup_intent=None, pending_update=None, schedule=None,
        start_date=now, test_clock=None, transfer_data=None, trial_end=None, trial_settings=None, trial_start=None,
    ) | fields  # fmt: skip
    made = [add_item(desk, subscription, price, each) for price, each in zip(prices, wanted, strict=True)]
    lines = [first_line(desk, subscription, item, proration) for item in made]
    save(desk, subscription)
    if customer["currency"] is None:
        customer = desk.put(customer | {"currency": subscription["currency"]})
    desk.emit("customer.subscription.created", subscription)
    lines += [lines_of.of_item(each) for each in drafts.pending(desk, customer, None)]
    invoice = drafts.create(
        desk, customer, [line for line in lines if line], reason="subscription_create", period=(now, now),
        currency=subscription["currency"], subscription=subscription, grace_s=None,
    )  # fmt: skip
    drafts.finalize(desk, invoice | {"auto_advance": True})
    subscription["latest_invoice"] = invoice["id"]
    return save(desk, subscription)


def begin(desk: Desk, subscription: Thing, *, behaviour: str = "allow_incomplete", confirmed: bool = False) -> Thing:
    """Collect the first invoice. Without success it is incomplete, or refused if `error_if_incomplete`."""
    invoice = desk.need("invoice", subscription["latest_invoice"])
    if behaviour == "default_incomplete" and invoice["amount_remaining"] > 0:
        return save(desk, subscription | {"status": "incomplete"})
    invoice = collecting.collect(desk, invoice | {"auto_advance": False}, confirmed=confirmed)
    subscription = desk.need("subscription", subscription["id"])
    if invoice["status"] == "paid":
        return subscription
    if behaviour == "error_if_incomplete":
        payment = desk.store.all("invoice_payment", ref=invoice["id"])[0]["payment"]["payment_intent"]
        refused = collecting.refusal(desk, desk.need("payment_intent", payment))
        refused.commits = False
        raise refused
    before = desk.show(subscription)
    save(desk, subscription | {"status": "incomplete"})
    subscription["status"] = "incomplete"
    desk.emit("customer.subscription.updated", subscription, before)
    return subscription


def add_item(desk: Desk, subscription: Thing, price: Thing, wanted: Mapping[str, Any]) -> Thing:
    """A further item, from now to the end of the period of its price that holds this moment."""
    metered = lines_of.is_metered(price)
    if metered and "quantity" in wanted:
        raise Refused("You cannot set the quantity for metered plans.", param="items[0][quantity]")
    _, end = lines_of.full_period(subscription, price, desk.now())
    item = desk.new(
        "subscription_item", "si_", billing_thresholds=None, current_period_start=desk.now(), current_period_end=end,
        discounts=[], metadata=dict(wanted.get("metadata") or {}), subscription=subscription["id"], tax_rates=[],
        _price=price["id"], _ref=subscription["id"], **({} if metered else {"quantity": wanted.get("quantity", 1)}),
    )  # fmt: skip
    return desk.put(item)


def first_line(desk: Desk, subscription: Thing, item: Thing, proration: str) -> Thing | None:
    price, period = price_of(desk, item), (item["current_period_start"], item["current_period_end"])
    if lines_of.is_metered(price):
        return lines_of.nothing_yet(desk, subscription, item, price, period)
    is_whole = lines_of.full_period(subscription, price, period[0]) == period
    return lines_of.fee(desk, subscription, item, price, period) if is_whole or proration != NONE else None


def change_items(desk: Desk, subscription: Thing, wanted: list[Thing], *, proration: str, at: int) -> None:
    """Change, add and remove items; what that is worth becomes pending invoice items, unless proration is none."""
    for place, each in enumerate(wanted):
        item = None
        if each.get("id"):
            item = desk.need("subscription_item", each["id"], f"items[{place}][id]", status=400)
            if item["subscription"] != subscription["id"]:
                raise Refused("The item is not one of this subscription.", param=f"items[{place}][id]")
        if item is None:
            made = add_item(desk, subscription, _price(desk, each, place), each)
            prorate(desk, subscription, made, 1, proration=proration, at=at)
            continue
        gone = each.get("deleted") or (each.get("price") not in (None, item["_price"]))
        if gone or each.get("quantity") not in (None, item.get("quantity")):
            close(desk, subscription, item, proration=proration, at=at, clear=bool(each.get("clear_usage")) or not gone)
        if each.get("deleted"):
            desk.store.forget(item["id"])
            continue
        _change(desk, subscription, item, each, place, proration=proration, at=at)
    left = items_of(desk, subscription)
    if not left:
        raise Refused("A subscription must have at least one active plan.", param="items")
    _check([price_of(desk, item) for item in left])


def _change(
    desk: Desk, subscription: Thing, item: Thing, wanted: Thing, place: int, *, proration: str, at: int
) -> None:
    price = price_of(desk, item)
    new = _price(desk, wanted, place) if wanted.get("price") else price
    if new["id"] == price["id"] and wanted.get("quantity") in (None, item.get("quantity")):
        if wanted.get("metadata"):
            desk.put(item | {"metadata": item["metadata"] | wanted["metadata"]})
        return
    metered = lines_of.is_metered(new)
    _, end = lines_of.full_period(subscription, new, desk.now())
    quantity = {} if metered else {"quantity": wanted.get("quantity", item.get("quantity", 1))}
    start = desk.now() if metered or new["id"] != price["id"] else item["current_period_start"]
    item = {name: value for name, value in item.items() if name != "quantity"} | quantity
    item |= {"_price": new["id"], "current_period_start": start, "current_period_end": end}
    desk.put(item | {"metadata": item["metadata"] | (wanted.get("metadata") or {})})
    prorate(desk, subscription, item, 1, proration=proration, at=at)


def close(desk: Desk, subscription: Thing, item: Thing, *, proration: str, at: int, clear: bool) -> None:
    """Give back what of a fee is unused; bill what was used until now."""
    price = price_of(desk, item)
    if not lines_of.is_metered(price):
        prorate(desk, subscription, item, -1, proration=proration, at=at)
        return
    if clear:
        return
    line = lines_of.usage(desk, subscription, item, price, (item["current_period_start"], desk.now()))
    if line["quantity"]:
        pend(desk, subscription, item, line)


def prorate(desk: Desk, subscription: Thing, item: Thing, sign: int, *, proration: str, at: int) -> None:
    """What a fee is worth from `at` to the end of the item's period, as a pending invoice item."""
    price = price_of(desk, item)
    end = item["current_period_end"]
    if proration == NONE or lines_of.is_metered(price) or at >= end:
        return
    since, until = lines_of.full_period(subscription, price, at)
    quantity = item["quantity"]
    amount = sign * arithmetic.amount(prices_of.whole(price), quantity, part=end - at, of=until - since)
    name = desk.need("product", price["product"])["name"]
    words = "Unused time on" if sign < 0 else "Remaining time on"
    text = f"{words} {quantity} × {name} after {calendar.day_of(at)}"
    line = {"amount": amount, "description": text, "period": {"start": at, "end": end}, "quantity": quantity}
    pend(desk, subscription, item, line, proration=True)


def pend(desk: Desk, subscription: Thing, item: Thing, line: Thing, *, proration: bool = False) -> Thing:
    """An invoice item that waits for the subscription's next invoice; amount, description, period, quantity: line's."""
    price = price_of(desk, item)
    made = desk.new(
        "invoiceitem", "ii_", amount=line["amount"], currency=price["currency"], customer=subscription["customer"],
        date=desk.now(), description=line["description"], discountable=not proration, discounts=[], invoice=None,
        metadata=dict(subscription["metadata"]), net_amount=line["amount"],
        parent={"type": "subscription_details", "subscription_details": {
            "subscription": subscription["id"], "subscription_item": item["id"]}},
        period=line["period"], pricing=lines_of.pricing(price), proration=proration,
        proration_details={"discount_amounts": []} if proration else None, quantity=line["quantity"],
        quantity_decimal=str(line["quantity"]), tax_rates=[], test_clock=None, _ref="pending",
    )  # fmt: skip
    desk.put(made)
    desk.emit("invoiceitem.created", made)
    return made


def invoice_now(desk: Desk, subscription: Thing, reason: str = "subscription_update") -> Thing | None:
    """Everything that is pending, as an invoice that is open at once; None if nothing is."""
    customer = desk.need("customer", subscription["customer"])
    lines = [lines_of.of_item(each) for each in drafts.pending(desk, customer, subscription)]
    if not lines:
        return None
    invoice = drafts.create(
        desk, customer, lines, reason=reason, period=(desk.now(), desk.now()), currency=subscription["currency"],
        subscription=subscription, grace_s=None,
    )  # fmt: skip
    return drafts.finalize(desk, invoice | {"auto_advance": True})


def end(desk: Desk, subscription: Thing, *, reason: str = "cancellation_requested") -> Thing:
    """It is over now; what it is still owed has been seen to."""
    now = desk.now()
    subscription |= {"status": "canceled", "ended_at": now, "canceled_at": subscription["canceled_at"] or now}
    subscription["cancellation_details"] = {"reason": reason} | {
        name: value for name, value in subscription["cancellation_details"].items() if value is not None
    }
    save(desk, subscription)
    desk.emit("customer.subscription.deleted", subscription)
    return subscription


def _price(desk: Desk, wanted: Mapping[str, Any], place: int) -> Thing:
    where = f"items[{place}][price]"
    if wanted.get("price_data"):
        return prices_of.new_price(desk, dict(wanted["price_data"]))
    if not wanted.get("price"):
        raise Refused(f"Missing required param: {where}.", code="parameter_missing", param=where)
    price = desk.need("price", wanted["price"], where, status=400)
    if not price["active"]:
        raise Refused("The price specified is inactive. This field only accepts active prices.", param=where)
    if price["recurring"] is None:
        raise Refused(f"The price {price['id']} is not recurring.", param=where)
    return price


def _check(prices: list[Thing]) -> None:
    if not prices:
        raise Refused("Missing required param: items.", code="parameter_missing", param="items")
    if len(prices) > MOST_ITEMS:
        raise Refused("A subscription can have at most 20 items.", param="items")
    if len({price["currency"] for price in prices}) > 1:
        raise Refused("All prices on a subscription must have the same currency.", param="items")
    if len({price["id"] for price in prices}) < len(prices):
        raise Refused("A price can be on a subscription only once.", param="items")


def _look(desk: Desk, subscription: Thing) -> Thing:
    found = items_of(desk, subscription)
    return subscription | {"items": desk.listed(found, f"/v1/subscription_items?subscription={subscription['id']}")}


def _look_item(desk: Desk, item: Thing) -> Thing:
    return {name: value for name, value in item.items() if name != "livemode"} | {
        "price": desk.show(price_of(desk, item))
    }


LOOKS["subscription"] = _look
LOOKS["subscription_item"] = _look_item
