"""The customer portal: replace the card, see and pay invoices, cancel and keep subscriptions."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.sandbox.stripe.billing import cards, collecting, subscribing
from app.sandbox.stripe.controls import the_desk
from app.sandbox.stripe.desk import Desk
from app.sandbox.stripe.store import Thing

bp = Blueprint("portal", __name__, url_prefix="/p/session/<session_id>")
OLDEST_S = 3600


def _open(desk: Desk, session_id: str) -> tuple[Thing, Thing, Thing]:
    """Session, customer and features. A session is open for an hour."""
    session = desk.need("billing_portal.session", session_id)
    if desk.now() > session["created"] + OLDEST_S:
        session = session | {"_over": True}
    customer = desk.need("customer", session["customer"])
    return session, customer, desk.need("billing_portal.configuration", session["configuration"])["features"]


@bp.get("")
def show(session_id: str) -> ResponseReturnValue:
    return _page(session_id)


def _page(session_id: str, problem: str = "") -> str:
    desk = the_desk()
    session, customer, features = _open(desk, session_id)
    found = desk.store.all("subscription", customer=customer["id"], newest=True)
    subscriptions = [
        desk.show(each) | {"name": _name(desk, each)} for each in found if each["status"] not in ("canceled",)
    ]
    return render_template(
        "portal.html", session=session, customer=customer, features=features, problem=problem, cards=cards.CARDS,
        method=collecting.method_for(desk, customer, found[0] if found else None), subscriptions=subscriptions,
        invoices=desk.store.all("invoice", customer=customer["id"], newest=True, limit=24),
    )  # fmt: skip


def _name(desk: Desk, subscription: Thing) -> str:
    prices = [subscribing.price_of(desk, item) for item in subscribing.items_of(desk, subscription)]
    return ", ".join(dict.fromkeys(desk.need("product", price["product"])["name"] for price in prices))


@bp.post("/card")
def replace_card(session_id: str) -> ResponseReturnValue:
    """`card`: by name or number. It becomes what every subscription and invoice is charged to."""
    desk = the_desk()
    session, customer, features = _open(desk, session_id)
    card = cards.named(request.form.get("card", ""))
    if session.get("_over") or not features["payment_method_update"]["enabled"] or card is None:
        return _page(session_id, "Choose a card."), 422
    if card.at_once:
        return _page(session_id, "Your card was declined."), 402
    with desk.store.transaction():
        method = cards.add(desk, card, customer["id"])
        cards.make_default(desk, customer, method)
        for each in desk.store.all("subscription", customer=customer["id"]):
            if each["default_payment_method"] and each["status"] != "canceled":
                before = desk.show(each)
                desk.put(each | {"default_payment_method": method["id"]})
                desk.emit("customer.subscription.updated", each | {"default_payment_method": method["id"]}, before)
    return _back(session_id)


@bp.post("/cancel/<subscription_id>")
def cancel(session_id: str, subscription_id: str) -> ResponseReturnValue:
    """At the period's end, or at once if the configuration says so."""
    desk = the_desk()
    session, customer, features = _open(desk, session_id)
    subscription = desk.need("subscription", subscription_id)
    if (
        session.get("_over")
        or not features["subscription_cancel"]["enabled"]
        or subscription["customer"] != customer["id"]
    ):
        return _page(session_id, "That cannot be done here."), 403
    with desk.store.transaction():
        if features["subscription_cancel"]["mode"] == "immediately":
            subscribing.end(desk, subscription)
        else:
            _cancel_at_end(desk, subscription, cancels=True)
    return _back(session_id)


@bp.post("/keep/<subscription_id>")
def keep(session_id: str, subscription_id: str) -> ResponseReturnValue:
    desk = the_desk()
    session, customer, _ = _open(desk, session_id)
    subscription = desk.need("subscription", subscription_id)
    if session.get("_over") or subscription["customer"] != customer["id"] or subscription["status"] == "canceled":
        return _page(session_id, "That cannot be done here."), 403
    with desk.store.transaction():
        _cancel_at_end(desk, subscription, cancels=False)
    return _back(session_id)


def _cancel_at_end(desk: Desk, subscription: Thing, *, cancels: bool) -> None:
    before = desk.show(subscription)
    ends = [item["current_period_end"] for item in subscribing.items_of(desk, subscription)]
    details = subscription["cancellation_details"] | {"reason": "cancellation_requested" if cancels else None}
    subscription |= {
        "cancel_at_period_end": cancels, "cancel_at": max(ends) if cancels else None,
        "canceled_at": desk.now() if cancels else None, "cancellation_details": details,
    }  # fmt: skip
    subscribing.save(desk, subscription)
    desk.emit("customer.subscription.updated", subscription, before)


def _back(session_id: str) -> ResponseReturnValue:
    return redirect(url_for("portal.show", session_id=session_id), 303)
