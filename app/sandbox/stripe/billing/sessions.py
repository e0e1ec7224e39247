"""Checkout sessions from open to complete or expired; what completing one creates."""

from app.sandbox.stripe.billing import cards, collecting, customers, drafts, subscribing
from app.sandbox.stripe.billing import lines as lines_of
from app.sandbox.stripe.billing.cards import Card
from app.sandbox.stripe.desk import Desk
from app.sandbox.stripe.store import Thing

ARRIVES_S = 86_400
"""How long a bank debit takes to arrive, or to fail."""
HERE = {"city": None, "country": "US", "line1": None, "line2": None, "postal_code": "94103", "state": "CA"}
"""What people give as their address where taxes are worked out."""


def needs_card(session: Thing) -> bool:
    """Whether one must pay or leave a card."""
    return bool(session["amount_total"]) or session["payment_method_collection"] != "if_required"


def expire(desk: Desk, session: Thing) -> Thing:
    session |= {"status": "expired", "url": None, "_due": None}
    desk.put(session)
    desk.emit("checkout.session.expired", session)
    return session


def live(desk: Desk, session: Thing) -> None:
    """What time does to a session: an open one expires, a debit arrives or fails."""
    if session["status"] == "open":
        expire(desk, session)
        return
    outcome = session.pop("_arrives")
    session["_due"] = None
    if outcome == "fails":
        collecting.attempt(desk, desk.need("payment_intent", session["payment_intent"]), None)
        desk.put(session)
        desk.emit("checkout.session.async_payment_failed", session)
        return
    customer = desk.need("customer", session["customer"])
    method = cards.add(desk, cards.CARDS[0], customer["id"] if _keeps(session) else None)
    payment = collecting.attempt(desk, desk.need("payment_intent", session["payment_intent"]), method)
    _keep_invoice(desk, session, customer, payment)
    session["payment_status"] = "paid"
    desk.put(session)
    desk.emit("checkout.session.async_payment_succeeded", session)


def pay(desk: Desk, session: Thing, card: Card | None, *, email: str, debit: str | None = None) -> str:
    """Complete the session with a card, with none where none is needed, or with a debit that “arrives” or “fails” a day
    later (payments only). Answers "" or why the card was not taken.
    """
    if card is not None and card.at_once:
        return "Your card was declined."
    customer = _customer(desk, session, email)
    if session["automatic_tax"]["enabled"] and not customer["address"]:
        customer = desk.put(customer | {"address": HERE})
    session["customer"] = customer["id"]
    session["customer_details"] = (session["customer_details"] or {}) | {
        "email": customer["email"] or email, "name": customer["name"], "address": customer["address"],
        "phone": customer["phone"], "tax_exempt": customer["tax_exempt"], "tax_ids": [],
    }  # fmt: skip
    method = cards.add(desk, card, customer["id"] if _keeps(session) else None) if card else None
    if session["mode"] == "subscription":
        problem = _subscribe(desk, session, customer, method)
    elif session["mode"] == "setup":
        problem = _set_up(desk, session, customer, method)
    else:
        problem = _take(desk, session, customer, method, debit)
    if problem:
        return problem
    session |= {"status": "complete", "url": None}
    session["_due"] = desk.now() + ARRIVES_S if session.get("_arrives") else None
    desk.put(session)
    desk.emit("checkout.session.completed", session)
    return ""


def _keeps(session: Thing) -> bool:
    """Whether the customer has the card afterwards; one that pays once is kept only when that was asked for."""
    return session["mode"] != "payment" or bool(session["_payment_intent_data"].get("setup_future_usage"))


def _customer(desk: Desk, session: Thing, email: str) -> Thing:
    if session["customer"]:
        return desk.need("customer", session["customer"])
    from_page = customers.blank(desk, email=email)
    desk.put(from_page)
    desk.emit("customer.created", from_page)
    return from_page


def _subscribe(desk: Desk, session: Thing, customer: Thing, method: Thing | None) -> str:
    given = session["_subscription_data"]
    subscription = subscribing.create(
        desk, customer, session["_wanted"], anchor=given.get("billing_cycle_anchor"),
        proration=given.get("proration_behavior", subscribing.LATER), method=method["id"] if method else None,
        metadata=given.get("metadata"), description=given.get("description"), automatic_tax=session["automatic_tax"],
    )  # fmt: skip
    subscription = subscribing.begin(desk, subscription, confirmed=True)
    if subscription["status"] == "incomplete":
        return "Your card was declined."
    invoice = desk.need("invoice", subscription["latest_invoice"])
    session |= {
        "subscription": subscription["id"], "invoice": invoice["id"],
        "payment_status": "paid" if invoice["total"] else "no_payment_required",
    }  # fmt: skip
    return ""


def _set_up(desk: Desk, session: Thing, customer: Thing, method: Thing | None) -> str:
    if method is None:
        return "A card is needed."
    made = desk.new(
        "setup_intent", "seti_", customer=customer["id"], payment_method=method["id"], status="succeeded",
        usage="off_session", metadata={}, payment_method_types=["card"],
    )  # fmt: skip
    desk.put(made)
    desk.emit("setup_intent.succeeded", made)
    session |= {"setup_intent": made["id"], "payment_status": "no_payment_required"}
    return ""


def _take(desk: Desk, session: Thing, customer: Thing, method: Thing | None, debit: str | None) -> str:
    given = session["_payment_intent_data"]
    payment = collecting.intent(
        desk, customer=customer["id"], amount=session["amount_total"], currency=session["currency"],
        metadata=given.get("metadata") or {}, description=given.get("description"),
        setup_future_usage=given.get("setup_future_usage"),
    )  # fmt: skip
    session["payment_intent"] = payment["id"]
    if debit:
        session["_arrives"] = debit
        desk.put(payment | {"status": "processing"})
        return ""
    payment = collecting.attempt(desk, payment, method, confirmed=True)
    if payment["status"] != "succeeded":
        return "Your card was declined."
    session["payment_status"] = "paid"
    _keep_invoice(desk, session, customer, payment)
    return ""


def _keep_invoice(desk: Desk, session: Thing, customer: Thing, payment: Thing) -> None:
    """The invoice of a payment, paid already, if the session was asked for one."""
    wanted = session["invoice_creation"] or {"enabled": False}
    if not wanted["enabled"]:
        return
    lines = [lines_of.of_item(_item(desk, line, customer)) for line in session["_lines"]]
    invoice = drafts.create(
        desk, customer | {"balance": 0}, lines, reason="manual", period=(desk.now(), desk.now()),
        currency=session["currency"], grace_s=None, is_taxed=session["automatic_tax"]["enabled"],
    )  # fmt: skip
    data = wanted.get("invoice_data") or {}
    invoice |= {"metadata": data.get("metadata") or {}, "description": data.get("description")}
    invoice = drafts.finalize(desk, invoice)
    collecting.pay_by(desk, invoice, payment)
    collecting.paid(desk, invoice, payment)
    session["invoice"] = invoice["id"]


def _item(desk: Desk, line: Thing, customer: Thing) -> Thing:
    """A line item of the session as an invoice item."""
    quantity = line["quantity"]
    made = desk.new(
        "invoiceitem", "ii_", amount=line["amount_subtotal"], currency=line["currency"], customer=customer["id"],
        date=desk.now(), description=line["description"], discountable=True, discounts=[], invoice=None, metadata={},
        net_amount=line["amount_subtotal"], parent=None, period={"start": line["_at"], "end": line["_at"]},
        pricing=lines_of.pricing(line["price"]), proration=False, proration_details=None, quantity=quantity,
        quantity_decimal=str(quantity), tax_rates=[], test_clock=None, _ref="pending",
    )  # fmt: skip
    return desk.put(made)
