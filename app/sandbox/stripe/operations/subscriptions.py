"""Subscriptions: made, changed, paused, ended."""

from app.sandbox.stripe import behind
from app.sandbox.stripe.billing import collecting, phases, prorating, subscribing
from app.sandbox.stripe.billing import lines as lines_of
from app.sandbox.stripe.desk import Ask, Desk
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.operations.customers import with_metadata
from app.sandbox.stripe.registry import LIST, operation, page, within
from app.sandbox.stripe.store import Thing

_PRICE_DATA = (
    "price_data{currency! product! recurring!{interval! interval_count:int} unit_amount:int unit_amount_decimal:dec "
    "tax_behavior}"
)
_ITEM = f"price quantity:int metadata{{*}} {_PRICE_DATA}"
_BEHAVIOUR = "payment_behavior:allow_incomplete|default_incomplete|error_if_incomplete|pending_if_incomplete "
_SHARED = (
    "metadata{*} description? default_payment_method? automatic_tax{enabled!:bool} cancel_at_period_end:bool "
    "collection_method:charge_automatically proration_behavior:always_invoice|create_prorations|none off_session:bool "
    "payment_settings{save_default_payment_method:off|on_subscription payment_method_types[]} " + _BEHAVIOUR
)


@operation(
    "POST", "/v1/subscriptions",
    _SHARED + f"customer! items[]{{{_ITEM}}} billing_cycle_anchor:int currency cancel_at:int "
    "billing_mode{type!:classic|flexible flexible{*}}",
)  # fmt: skip
def create(desk: Desk, ask: Ask) -> Thing:
    customer = desk.living("customer", ask.params["customer"], "customer")
    method = ask.get("default_payment_method")
    if method:
        desk.living("payment_method", method, "default_payment_method")
    subscription = subscribing.create(
        desk, customer, ask.get("items", []), anchor=ask.get("billing_cycle_anchor"),
        proration=ask.get("proration_behavior", subscribing.LATER), method=method, metadata=ask.get("metadata"),
        description=ask.get("description"), automatic_tax=ask.get("automatic_tax"),
    )  # fmt: skip
    subscription["payment_settings"] = subscription["payment_settings"] | (ask.get("payment_settings") or {})
    if "cancel_at" in ask.params or ask.get("cancel_at_period_end"):
        _cancel_later(desk, subscription, ask)
    subscribing.save(desk, subscription)
    return desk.show(subscribing.begin(desk, subscription, behaviour=ask.get("payment_behavior", "allow_incomplete")))


@operation("GET", "/v1/subscriptions", LIST + " customer status price created{gt:int gte:int lt:int lte:int}")
def index(desk: Desk, ask: Ask) -> Thing:
    """Without a status, all that are not cancelled."""
    status = ask.get("status", "living")
    found = desk.store.all("subscription", customer=ask.get("customer"), newest=True)
    over = ("canceled", "incomplete_expired")
    if status == "ended":
        found = [each for each in found if each["status"] in over]
    elif status != "all":
        found = [
            each for each in found if each["status"] == status or (status == "living" and each["status"] != over[0])
        ]
    if "price" in ask.params:
        wanted = ask.params["price"]
        found = [one for one in found if any(item["_price"] == wanted for item in subscribing.items_of(desk, one))]
    return page(desk, ask, within(ask, found))


@operation("GET", "/v1/subscriptions/<subscription>")
def retrieve(desk: Desk, ask: Ask) -> Thing:
    return desk.show(desk.need("subscription", ask.id))


@operation(
    "POST", "/v1/subscriptions/<subscription>",
    _SHARED + f"items[]{{id deleted:bool clear_usage:bool {_ITEM}}} proration_date:int cancel_at? "
    "cancellation_details{comment? feedback?} billing_cycle_anchor{type!:now|unchanged} "
    "pause_collection?{behavior!:keep_as_draft|mark_uncollectible|void resumes_at:int}",
)  # fmt: skip
def update(desk: Desk, ask: Ask) -> Thing:
    subscription = _living(desk, ask.id)
    before = desk.show(subscription)
    invoice = change(desk, subscription, ask)
    subscription = desk.need("subscription", subscription["id"])
    desk.emit("customer.subscription.updated", subscription, before)
    if invoice:
        invoice = collecting.collect(desk, invoice)
        if invoice["status"] != "paid" and ask.get("payment_behavior") == "error_if_incomplete":
            payment = desk.store.all("invoice_payment", ref=invoice["id"])[0]["payment"]["payment_intent"]
            refused = collecting.refusal(desk, desk.need("payment_intent", payment))
            refused.commits = False
            raise refused
    return desk.show(desk.need("subscription", subscription["id"]))


def change(desk: Desk, subscription: Thing, ask: Ask) -> Thing | None:
    """Everything that an update does but collecting; answers the invoice to collect, if one was made."""
    anchor = ask.get("billing_cycle_anchor") or {"type": "unchanged"}
    if anchor["type"] == "now":
        raise Refused("The stand-in does not move the anchor of a subscription.", param="billing_cycle_anchor")
    for name in ("description", "default_payment_method"):
        if name in ask.params:
            subscription[name] = ask.params[name]
    subscription["metadata"] = with_metadata(subscription["metadata"], ask)
    subscription["payment_settings"] = subscription["payment_settings"] | (ask.get("payment_settings") or {})
    if "automatic_tax" in ask.params:
        subscription["automatic_tax"] |= {"enabled": ask.params["automatic_tax"]["enabled"]}
    if "pause_collection" in ask.params:
        pause = ask.params["pause_collection"]
        subscription["pause_collection"] = pause and {"resumes_at": None} | pause
    _cancel_later(desk, subscription, ask)
    proration = ask.get("proration_behavior", subscribing.LATER)
    invoice = None
    if ask.get("items"):
        at = prorating.since(desk, subscription, ask.get("proration_date"))
        desk.put(subscription)
        subscribing.change_items(desk, subscription, ask.params["items"], proration=proration, at=at)
        if proration == subscribing.NOW:
            invoice = subscribing.invoice_now(desk, subscription)
            subscription["latest_invoice"] = invoice["id"] if invoice else subscription["latest_invoice"]
    subscribing.save(desk, subscription)
    return invoice


def _cancel_later(desk: Desk, subscription: Thing, ask: Ask) -> None:
    if "cancel_at_period_end" not in ask.params and "cancel_at" not in ask.params:
        return
    ends = [item["current_period_end"] for item in subscribing.items_of(desk, subscription)]
    named = {"min_period_end": min(ends), "max_period_end": max(ends)}
    moment = ask.get("cancel_at")
    if moment is not None:
        moment = named.get(str(moment)) or behind.still_ahead(desk, int(moment), end=max(ends))
        if moment <= desk.now():
            raise Refused("cancel_at must be in the future.", param="cancel_at")
    at_end = bool(ask.get("cancel_at_period_end", False))
    subscription["cancel_at_period_end"] = at_end
    subscription["cancel_at"] = max(ends) if at_end else moment
    subscription["canceled_at"] = desk.now() if subscription["cancel_at"] else None
    details = {"reason": "cancellation_requested" if subscription["cancel_at"] else None}
    subscription["cancellation_details"] |= details | (ask.get("cancellation_details") or {})


@operation(
    "DELETE", "/v1/subscriptions/<subscription>",
    "invoice_now:bool prorate:bool cancellation_details{comment? feedback?}",
)  # fmt: skip
def cancel(desk: Desk, ask: Ask) -> Thing:
    """At once. Usage since the period began is billed only with invoice_now, as at Stripe."""
    subscription = _living(desk, ask.id)
    subscription["cancellation_details"] |= ask.get("cancellation_details") or {}
    for item in subscribing.items_of(desk, subscription):
        proration = subscribing.LATER if ask.get("prorate") else subscribing.NONE
        clear = not ask.get("invoice_now")
        subscribing.close(desk, subscription, item, proration=proration, at=desk.now(), clear=clear)
    invoice = subscribing.invoice_now(desk, subscription, "subscription_update") if ask.get("invoice_now") else None
    if invoice:
        subscription["latest_invoice"] = invoice["id"]
    subscription = subscribing.end(desk, subscription)
    phases.subscription_ended(desk, subscription)
    for each in desk.store.all("invoice", ref=subscription["id"], status="draft"):
        desk.put(each | {"auto_advance": False, "_due": None, "automatically_finalizes_at": None})
    if invoice:
        collecting.collect(desk, invoice)
    return desk.show(desk.need("subscription", subscription["id"]))


@operation(
    "POST", "/v1/subscriptions/<subscription>/pause",
    "type:subscription invoicing_behavior:invoice|pending_invoice_item "
    "bill_for{outstanding_usage_through{type!} unused_time_from{type!}}",
)  # fmt: skip
def pause(desk: Desk, ask: Ask) -> Thing:
    subscription = _living(desk, ask.id)
    if subscription["status"] not in ("active", "past_due"):
        raise Refused(f"A subscription that is {subscription['status']} cannot be paused.")
    before = desk.show(subscription)
    given = ask.get("bill_for") or {}
    clear = (given.get("outstanding_usage_through") or {"type": "now"})["type"] != "now"
    for item in subscribing.items_of(desk, subscription):
        subscribing.close(desk, subscription, item, proration=subscribing.NONE, at=desk.now(), clear=clear)
    subscription["status"] = "paused"
    subscribing.save(desk, subscription)
    desk.emit("customer.subscription.paused", subscription)
    desk.emit("customer.subscription.updated", subscription, before)
    invoice = subscribing.invoice_now(desk, subscription)
    if invoice:
        collecting.collect(desk, invoice)
    return desk.show(desk.need("subscription", subscription["id"]))


@operation(
    "POST", "/v1/subscriptions/<subscription>/resume",
    "billing_cycle_anchor{type!:now|unchanged} proration_behavior:always_invoice|create_prorations|none "
    "proration_date:int payment_behavior:resume_on_payment_attempt|resume_on_payment_success",
)  # fmt: skip
def resume(desk: Desk, ask: Ask) -> Thing:
    """Periods go on from now to where they would have ended; what is paid in advance is due for that part."""
    subscription = _living(desk, ask.id)
    if subscription["status"] != "paused":
        raise Refused("Only a paused subscription can be resumed.")
    before = desk.show(subscription)
    subscription["status"] = "active"
    if (ask.get("billing_cycle_anchor") or {"type": "now"})["type"] == "now":
        subscription["billing_cycle_anchor"] = desk.now()
    for item in subscribing.items_of(desk, subscription):
        price = subscribing.price_of(desk, item)
        if desk.now() < item["current_period_end"] and not lines_of.is_metered(price):
            continue  # paid for already
        _, end = lines_of.full_period(subscription, price, desk.now())
        item = desk.put(item | {"current_period_start": desk.now(), "current_period_end": end})  # noqa: PLW2901
        proration = ask.get("proration_behavior", subscribing.LATER)
        subscribing.prorate(desk, subscription, item, 1, proration=proration, at=desk.now())
    subscribing.save(desk, subscription)
    desk.emit("customer.subscription.resumed", subscription)
    desk.emit("customer.subscription.updated", subscription, before)
    invoice = subscribing.invoice_now(desk, subscription, "subscription_cycle")
    if invoice:
        collecting.collect(desk, invoice)
    return desk.show(desk.need("subscription", subscription["id"]))


def _living(desk: Desk, id_: str) -> Thing:
    subscription = desk.need("subscription", id_)
    if subscription["status"] in ("canceled", "incomplete_expired"):
        raise Refused(f"No such subscription: '{id_}'", status=404, code="resource_missing", param="id")
    return subscription
