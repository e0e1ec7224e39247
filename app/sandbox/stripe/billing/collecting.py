"""Getting paid: cards that behave as asked, payment intents and charges, and what happens when a card is declined."""

from app.sandbox.stripe.billing import disputing
from app.sandbox.stripe.desk import Desk
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.store import Thing

RETRIES_S = (3 * 86_400, 5 * 86_400, 7 * 86_400)
"""Pauses before each further try; after the last one the subscription is unpaid."""
_OF_CARD = ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
DECLINED, ASKS, FINE, DISPUTED = "declined", "asks", "fine", "disputed"


def method_for(desk: Desk, customer: Thing, subscription: Thing | None = None) -> Thing | None:
    """The payment method that a charge off session takes."""
    chosen = (subscription or {}).get("default_payment_method")
    chosen = chosen or customer["invoice_settings"]["default_payment_method"]
    found = desk.store.get(chosen) if chosen else None
    return found if found and found["customer"] == customer["id"] else None


def intent(desk: Desk, *, customer: str | None, amount: int, currency: str, **fields: object) -> Thing:
    """A payment intent that nobody has tried to pay yet."""
    made = desk.new(
        "payment_intent", "pi_", amount=amount, amount_capturable=0, amount_details={"tip": {}}, amount_received=0,
        application=None, application_fee_amount=None, automatic_payment_methods=None, canceled_at=None,
        cancellation_reason=None, capture_method="automatic_async", confirmation_method="automatic", currency=currency,
        customer=customer, description=None, last_payment_error=None, latest_charge=None, metadata={}, next_action=None,
        on_behalf_of=None, payment_method=None, payment_method_options={}, payment_method_types=["card"],
        processing=None, receipt_email=None, review=None, setup_future_usage=None, shipping=None, source=None,
        statement_descriptor=None, statement_descriptor_suffix=None, status="requires_payment_method",
        transfer_data=None, transfer_group=None,
    )  # fmt: skip
    made["client_secret"] = f"{made['id']}_secret_of_the_stand_in"
    desk.put(made | fields)
    desk.emit("payment_intent.created", made | fields)
    return made | fields


def attempt(desk: Desk, payment: Thing, method: Thing | None, *, confirmed: bool = False) -> Thing:
    """Try to take the intent's amount. confirmed: the customer was there and confirmed what the bank asked.

    Answers the intent: succeeded, or with last_payment_error.
    """
    behaviour = method["_behaviour"] if method else DECLINED
    fails = method is None or behaviour == DECLINED or (behaviour == ASKS and not confirmed)
    payment["payment_method"] = method["id"] if method else None
    if method is None:
        payment["last_payment_error"] = _error("resource_missing", "There is no payment method to charge.", None, None)
        return _failed(desk, payment)
    charge = _charge(desk, payment, method, fails=fails)
    payment["latest_charge"] = charge["id"]
    if not fails:
        payment |= {"status": "succeeded", "amount_received": payment["amount"], "last_payment_error": None}
        desk.put(payment)
        desk.emit("charge.succeeded", charge)
        desk.emit("payment_intent.succeeded", payment)
        if behaviour == DISPUTED:
            disputing.begin(desk, charge)
        return payment
    asks = behaviour == ASKS
    words = "Your card was declined. This transaction requires authentication." if asks else "Your card was declined."
    reason = "authentication_required" if asks else "generic_decline"
    code = "authentication_required" if asks else "card_declined"
    payment["last_payment_error"] = _error(code, words, reason, charge["id"]) | {"payment_method": desk.show(method)}
    desk.emit("charge.failed", charge)
    return _failed(desk, payment)


def _failed(desk: Desk, payment: Thing) -> Thing:
    payment["status"] = "requires_payment_method"
    desk.put(payment)
    desk.emit("payment_intent.payment_failed", payment)
    return payment


def _error(code: str, words: str, reason: str | None, charge: str | None) -> Thing:
    known = {"type": "card_error", "code": code, "message": words, "decline_code": reason, "charge": charge}
    return {name: value for name, value in known.items() if value is not None}


def refusal(desk: Desk, payment: Thing) -> Refused:
    """The 402 for an intent that was just declined; what was tried stays on record."""
    error = payment["last_payment_error"]
    extra = {name: value for name, value in error.items() if name not in ("type", "message", "code")}
    return Refused(
        error["message"], status=402, kind="card_error", code=error["code"], commits=True,
        payment_intent=desk.show(payment), **extra,
    )  # fmt: skip


def _charge(desk: Desk, payment: Thing, method: Thing, *, fails: bool) -> Thing:
    charge = desk.new(
        "charge", "ch_", amount=payment["amount"], amount_captured=0 if fails else payment["amount"],
        amount_refunded=0, application=None, application_fee=None, application_fee_amount=None,
        balance_transaction=None, billing_details=method["billing_details"], captured=not fails,
        calculated_statement_descriptor="STAND-IN", currency=payment["currency"], customer=payment["customer"],
        description=payment["description"], disputed=False, failure_balance_transaction=None,
        failure_code="card_declined" if fails else None, failure_message="Your card was declined." if fails else None,
        fraud_details={}, metadata=payment["metadata"], on_behalf_of=None, paid=not fails,
        outcome={"type": "issuer_declined" if fails else "authorized", "seller_message": None, "reason": None,
                 "network_status": "declined_by_network" if fails else "approved_by_network", "risk_level": "normal"},
        payment_intent=payment["id"], payment_method=method["id"],
        payment_method_details={"type": "card", "card": {name: method["card"][name] for name in _OF_CARD}},
        receipt_email=None, receipt_number=None, receipt_url=None, refunded=False, review=None, shipping=None,
        source_transfer=None, statement_descriptor=None, statement_descriptor_suffix=None,
        status="failed" if fails else "succeeded", transfer_data=None, transfer_group=None, _ref=payment["id"],
    )  # fmt: skip
    return desk.put(charge)


def collect(
    desk: Desk, invoice: Thing, *, method: Thing | None = None, confirmed: bool = False, by_hand: bool = False
) -> Thing:
    """Try to get an open invoice paid; nothing due is paid at once. Answers the invoice as it then is.

    by_hand: after the first try such a one neither counts nor moves the next.
    """
    customer = desk.need("customer", invoice["customer"])
    subscription = desk.store.get(invoice["_ref"]) if invoice["_ref"] else None
    if invoice["amount_remaining"] <= 0:
        return paid(desk, invoice, None)
    payment = _payment_of(desk, invoice, customer)
    chosen = method or method_for(desk, customer, subscription)
    payment = attempt(desk, payment, chosen, confirmed=confirmed)
    counts = not by_hand or not invoice["attempted"]
    invoice |= {"attempted": True, "attempt_count": invoice["attempt_count"] + counts}
    if payment["status"] == "succeeded":
        return paid(desk, invoice, payment)
    if not counts:
        desk.emit("invoice.payment_failed", desk.put(invoice))
        return invoice
    return _not_paid(desk, invoice, subscription)


def _payment_of(desk: Desk, invoice: Thing, customer: Thing) -> Thing:
    """The intent of the invoice, the same for every try."""
    known = desk.store.all("invoice_payment", ref=invoice["id"], status="open")
    if known:
        payment = desk.need("payment_intent", known[0]["payment"]["payment_intent"])
        payment["amount"] = invoice["amount_remaining"]
        return payment
    payment = intent(
        desk, customer=customer["id"], amount=invoice["amount_remaining"], currency=invoice["currency"],
        description=f"Invoice {invoice['number']}", setup_future_usage="off_session",
    )  # fmt: skip
    pay_by(desk, invoice, payment)
    return payment


def pay_by(desk: Desk, invoice: Thing, payment: Thing) -> None:
    """The invoice is to be paid by that payment."""
    made = desk.new(
        "invoice_payment", "inpay_", amount_paid=None, amount_requested=payment["amount"], currency=payment["currency"],
        invoice=invoice["id"], is_default=True, payment={"type": "payment_intent", "payment_intent": payment["id"]},
        status="open", status_transitions={"canceled_at": None, "paid_at": None}, _ref=invoice["id"],
    )  # fmt: skip
    desk.put(made)


def paid(desk: Desk, invoice: Thing, payment: Thing | None, *, amount: int | None = None) -> Thing:
    """The invoice is settled. payment: with what, if anything was due."""
    now = desk.now()
    moments = invoice["status_transitions"] | {"paid_at": now}
    taken = invoice["amount_remaining"] if amount is None else amount
    invoice |= {
        "status": "paid", "amount_paid": invoice["amount_paid"] + taken, "amount_remaining": 0, "attempted": True,
        "status_transitions": moments, "next_payment_attempt": None, "_due": None, "auto_advance": False,
    }  # fmt: skip
    desk.put(invoice)
    for each in desk.store.all("invoice_payment", ref=invoice["id"], status="open"):
        settled = {"status": "paid", "amount_paid": each["amount_requested"]} if payment else {"status": "canceled"}
        moments = each["status_transitions"] | {"paid_at" if payment else "canceled_at": now}
        desk.put(each | settled | {"status_transitions": moments})
        if payment:
            desk.emit("invoice_payment.paid", each | settled | {"status_transitions": moments})
    desk.emit("invoice.paid", invoice)
    desk.emit("invoice.payment_succeeded", invoice)
    if invoice["_ref"]:
        subscription = desk.need("subscription", invoice["_ref"])
        _save_card(desk, subscription, payment)
        _revive(desk, subscription, invoice)
    return invoice


def _save_card(desk: Desk, subscription: Thing, payment: Thing | None) -> None:
    """What paid for it is what it is charged to from now on, if its settings say so."""
    method = payment["payment_method"] if payment else None
    saves = subscription["payment_settings"]["save_default_payment_method"] == "on_subscription"
    if not method or not saves or method == subscription["default_payment_method"]:
        return
    before = desk.show(subscription)
    subscription["default_payment_method"] = method
    desk.put(subscription)
    desk.emit("customer.subscription.updated", subscription, before)


def _revive(desk: Desk, subscription: Thing, invoice: Thing) -> None:
    """Back to active once its latest invoice is paid and none that was tried is open."""
    if subscription["status"] not in ("past_due", "unpaid", "incomplete"):
        return
    others = desk.store.all("invoice", ref=subscription["id"], status="open")
    if any(each["id"] != invoice["id"] and each["attempted"] for each in others):
        return
    before = desk.show(subscription)
    subscription |= {"status": "active", "_due": subscription["_then"]}
    desk.put(subscription)
    desk.emit("customer.subscription.updated", subscription, before)


def _not_paid(desk: Desk, invoice: Thing, subscription: Thing | None) -> Thing:
    tries = invoice["attempt_count"]
    more = invoice["auto_advance"] and tries <= len(RETRIES_S)
    again = desk.now() + RETRIES_S[tries - 1] if more else None
    desk.put(invoice | {"next_payment_attempt": again, "_due": again})
    invoice |= {"next_payment_attempt": again, "_due": again}
    desk.emit("invoice.payment_failed", invoice)
    if subscription and subscription["status"] in ("active", "past_due"):
        before = desk.show(subscription)
        status = "past_due" if again else desk.store.fact("dunning_ends", "unpaid")
        subscription["status"] = status
        desk.put(subscription)
        if status != before["status"]:
            desk.emit("customer.subscription.updated", subscription, before)
    return invoice
