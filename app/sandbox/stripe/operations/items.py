"""Subscription items by themselves."""

from app.sandbox.stripe.billing import collecting, prorating, subscribing
from app.sandbox.stripe.desk import Ask, Desk
from app.sandbox.stripe.registry import LIST, operation, page
from app.sandbox.stripe.store import Thing

_PRORATION = "proration_behavior:always_invoice|create_prorations|none proration_date:int payment_behavior "
_ITEM = "price quantity:int metadata{*} "


@operation("POST", "/v1/subscription_items", _PRORATION + _ITEM + "subscription!")
def create(desk: Desk, ask: Ask) -> Thing:
    subscription = desk.need("subscription", ask.params["subscription"], "subscription", status=400)
    known = {item["id"] for item in subscribing.items_of(desk, subscription)}
    _change(
        desk,
        subscription,
        ask,
        {name: ask.params[name] for name in ("price", "quantity", "metadata") if name in ask.params},
    )
    return next(desk.show(item) for item in subscribing.items_of(desk, subscription) if item["id"] not in known)


@operation("GET", "/v1/subscription_items", LIST + " subscription!")
def index(desk: Desk, ask: Ask) -> Thing:
    subscription = desk.need("subscription", ask.params["subscription"], "subscription", status=400)
    return page(desk, ask, subscribing.items_of(desk, subscription))


@operation("GET", "/v1/subscription_items/<item>")
def retrieve(desk: Desk, ask: Ask) -> Thing:
    return desk.show(desk.need("subscription_item", ask.id))


@operation("POST", "/v1/subscription_items/<item>", _PRORATION + _ITEM)
def update(desk: Desk, ask: Ask) -> Thing:
    item = desk.need("subscription_item", ask.id)
    wanted = {name: ask.params[name] for name in ("price", "quantity", "metadata") if name in ask.params}
    _change(desk, desk.need("subscription", item["subscription"]), ask, wanted | {"id": item["id"]})
    return desk.show(desk.need("subscription_item", ask.id))


@operation("DELETE", "/v1/subscription_items/<item>", _PRORATION + "clear_usage:bool")
def delete(desk: Desk, ask: Ask) -> Thing:
    item = desk.need("subscription_item", ask.id)
    wanted = {"id": item["id"], "deleted": True, "clear_usage": ask.get("clear_usage", False)}
    _change(desk, desk.need("subscription", item["subscription"]), ask, wanted)
    return {"id": item["id"], "object": "subscription_item", "deleted": True}


def _change(desk: Desk, subscription: Thing, ask: Ask, wanted: Thing) -> None:
    before = desk.show(subscription)
    proration = ask.get("proration_behavior", subscribing.LATER)
    at = prorating.since(desk, subscription, ask.get("proration_date"))
    subscribing.change_items(desk, subscription, [wanted], proration=proration, at=at)
    invoice = subscribing.invoice_now(desk, subscription) if proration == subscribing.NOW else None
    if invoice:
        subscription["latest_invoice"] = invoice["id"]
    subscribing.save(desk, subscription)
    desk.emit("customer.subscription.updated", subscription, before)
    if invoice:
        collecting.collect(desk, invoice)
