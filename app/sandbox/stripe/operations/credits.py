"""Credit notes and refunds: money that goes back, never more than came."""

from app.sandbox.stripe.billing import collecting
from app.sandbox.stripe.desk import LOOKS, Ask, Desk
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.operations.customers import with_metadata
from app.sandbox.stripe.registry import LIST, operation, page, within
from app.sandbox.stripe.store import Thing, new_id

_CREATED = " created{gt:int gte:int lt:int lte:int}"


@operation(
    "POST", "/v1/credit_notes",
    "invoice! amount:int credit_amount:int refund_amount:int out_of_band_amount:int memo metadata{*} "
    "reason:duplicate|fraudulent|order_change|product_unsatisfactory "
    "lines[]{type!:custom_line_item|invoice_line_item invoice_line_item amount:int quantity:int description "
    "unit_amount:int}",
)  # fmt: skip
def create_note(desk: Desk, ask: Ask) -> Thing:
    invoice = desk.need("invoice", ask.params["invoice"], "invoice", status=400)
    if invoice["status"] not in ("open", "paid"):
        raise Refused("You can only create a credit note for an open or paid invoice.", param="invoice")
    lines = [_note_line(invoice, each) for each in ask.get("lines", [])]
    amount = ask.get("amount", sum(line["amount"] for line in lines))
    is_paid = invoice["status"] == "paid"
    most = invoice["total"] - invoice["post_payment_credit_notes_amount"] if is_paid else invoice["amount_remaining"]
    if not 0 < amount <= most:
        raise Refused(f"The amount of the credit note must be between 1 and {most}.", param="amount")
    ways = {name: ask.get(name, 0) for name in ("credit_amount", "refund_amount", "out_of_band_amount")}
    if is_paid and sum(ways.values()) != amount:
        raise Refused(
            "The sum of credit amount, refund amount and out of band amount must equal the credit note amount.",
            param="amount",
        )
    refund = _refund_of_invoice(desk, invoice, ways["refund_amount"]) if ways["refund_amount"] else None
    if is_paid and ways["credit_amount"]:
        customer = desk.need("customer", invoice["customer"])
        desk.put(customer | {"balance": customer["balance"] - ways["credit_amount"]})
    number = f"{invoice['number']}-CN-{len(desk.store.all('credit_note', ref=invoice['id'])) + 1:02d}"
    note = desk.new(
        "credit_note", "cn_", amount=amount, amount_shipping=0, currency=invoice["currency"],
        customer=invoice["customer"], customer_balance_transaction=None, discount_amount=0, discount_amounts=[],
        effective_at=desk.now(), invoice=invoice["id"], memo=ask.get("memo"), metadata=ask.get("metadata") or {},
        number=number, out_of_band_amount=ways["out_of_band_amount"] or None,
        pdf=f"{desk.settings.url}/i/{invoice['id']}/pdf", post_payment_amount=amount if is_paid else 0,
        pre_payment_amount=0 if is_paid else amount, pretax_credit_amounts=[], reason=ask.get("reason"),
        refunds=[{"amount_refunded": refund["amount"], "refund": refund["id"], "type": "refund"}] if refund else [],
        shipping_cost=None, status="issued", subtotal=amount, subtotal_excluding_tax=amount, total=amount,
        total_excluding_tax=amount, total_taxes=[], type="post_payment" if is_paid else "pre_payment", voided_at=None,
        _lines=lines, _ref=invoice["id"],
    )  # fmt: skip
    desk.put(note)
    _apply(desk, invoice, amount)
    desk.emit("credit_note.created", note)
    return desk.show(note)


def _note_line(invoice: Thing, wanted: Thing) -> Thing:
    of = wanted.get("invoice_line_item")
    known = next((line for line in invoice["_lines"] if line["id"] == of), None)
    if of and known is None:
        raise Refused(f"No such invoice line item: '{of}'", param="lines", code="resource_missing")
    amount = wanted.get("amount", wanted.get("unit_amount", 0) * wanted.get("quantity", 1))
    return {
        "id": new_id("cnli_"), "object": "credit_note_line_item", "amount": amount, "discount_amount": 0,
        "description": wanted.get("description") or (known and known["description"]), "discount_amounts": [],
        "invoice_line_item": of, "livemode": False, "pretax_credit_amounts": [], "quantity": wanted.get("quantity"),
        "tax_rates": [], "taxes": [], "type": wanted["type"], "unit_amount": wanted.get("unit_amount"),
        "unit_amount_decimal": None,
    }  # fmt: skip


def _apply(desk: Desk, invoice: Thing, amount: int, sign: int = 1) -> None:
    if invoice["status"] == "paid":
        invoice["post_payment_credit_notes_amount"] += sign * amount
        desk.put(invoice)
        return
    invoice["pre_payment_credit_notes_amount"] += sign * amount
    invoice["amount_due"] -= sign * amount
    invoice["amount_remaining"] -= sign * amount
    desk.put(invoice)
    if invoice["amount_remaining"] == 0:
        collecting.paid(desk, invoice, None)


@operation("GET", "/v1/credit_notes", LIST + " customer invoice" + _CREATED)
def notes(desk: Desk, ask: Ask) -> Thing:
    found = desk.store.all("credit_note", customer=ask.get("customer"), ref=ask.get("invoice"), newest=True)
    return page(desk, ask, within(ask, found))


@operation("GET", "/v1/credit_notes/<id>")
def retrieve_note(desk: Desk, ask: Ask) -> Thing:
    return desk.show(desk.need("credit_note", ask.id))


@operation("POST", "/v1/credit_notes/<id>/void")
def void_note(desk: Desk, ask: Ask) -> Thing:
    note = desk.need("credit_note", ask.id)
    if note["status"] == "void" or note["type"] != "pre_payment":
        raise Refused("You can only void a credit note that was issued for an open invoice.")
    note |= {"status": "void", "voided_at": desk.now()}
    desk.put(note)
    invoice = desk.need("invoice", note["invoice"])
    if invoice["status"] == "open":
        _apply(desk, invoice, note["amount"], -1)
    desk.emit("credit_note.voided", note)
    return desk.show(note)


@operation(
    "POST", "/v1/refunds",
    "charge payment_intent amount:int metadata{*} reason:duplicate|fraudulent|requested_by_customer",
)  # fmt: skip
def create_refund(desk: Desk, ask: Ask) -> Thing:
    if ask.get("payment_intent"):
        payment = desk.need("payment_intent", ask.params["payment_intent"], "payment_intent", status=400)
        if payment["status"] != "succeeded":
            raise Refused(f"This PaymentIntent ({payment['id']}) does not have a successful charge to refund.")
        charge = desk.need("charge", payment["latest_charge"])
    elif ask.get("charge"):
        charge = desk.need("charge", ask.params["charge"], "charge", status=400)
    else:
        raise Refused("One of the following params should be provided for this request: payment_intent or charge.")
    return desk.show(
        refund(desk, charge, ask.get("amount"), metadata=ask.get("metadata") or {}, reason=ask.get("reason"))
    )


def refund(desk: Desk, charge: Thing, amount: int | None, *, metadata: Thing, reason: str | None) -> Thing:
    """Give back so much of a charge, all that is left without an amount. Raises Refused for more than is left."""
    left = charge["amount_captured"] - charge["amount_refunded"]
    if left <= 0:
        raise Refused(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    wanted = left if amount is None else amount
    if wanted < 1:
        raise Refused("Invalid positive integer", param="amount")
    if wanted > left:
        raise Refused(f"Refund amount ({wanted}) is greater than unrefunded amount on charge ({left})", param="amount")
    made = desk.new(
        "refund", "re_", amount=wanted, balance_transaction=None, charge=charge["id"], currency=charge["currency"],
        destination_details={"type": "card", "card": {"type": "refund", "reference_status": "pending"}},
        metadata=metadata, payment_intent=charge["payment_intent"], reason=reason, receipt_number=None,
        source_transfer_reversal=None, status="succeeded", transfer_reversal=None, _ref=charge["id"],
        customer=charge["customer"],
    )  # fmt: skip
    desk.put(made)
    before = desk.show(charge)
    charge["amount_refunded"] += wanted
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    desk.put(charge)
    desk.emit("refund.created", made)
    desk.emit("charge.refunded", charge, before)
    return made


def _refund_of_invoice(desk: Desk, invoice: Thing, amount: int) -> Thing:
    settled = desk.store.all("invoice_payment", ref=invoice["id"], status="paid")
    if not settled:
        raise Refused("The invoice was paid without a charge; nothing can be refunded.", param="refund_amount")
    payment = desk.need("payment_intent", settled[0]["payment"]["payment_intent"])
    return refund(desk, desk.need("charge", payment["latest_charge"]), amount, metadata={}, reason=None)


@operation("GET", "/v1/refunds", LIST + " charge payment_intent" + _CREATED)
def refunds(desk: Desk, ask: Ask) -> Thing:
    found = desk.store.all("refund", ref=ask.get("charge"), newest=True)
    if "payment_intent" in ask.params:
        found = [each for each in found if each["payment_intent"] == ask.params["payment_intent"]]
    return page(desk, ask, within(ask, found))


@operation("GET", "/v1/refunds/<refund>")
def retrieve_refund(desk: Desk, ask: Ask) -> Thing:
    return desk.show(desk.need("refund", ask.id))


@operation("POST", "/v1/refunds/<refund>", "metadata{*}")
def update_refund(desk: Desk, ask: Ask) -> Thing:
    found = desk.need("refund", ask.id)
    return desk.show(desk.put(found | {"metadata": with_metadata(found["metadata"], ask)}))


LOOKS["credit_note"] = lambda _, note: (
    note
    | {
        "lines": {
            "object": "list",
            "data": note["_lines"],
            "has_more": False,
            "url": f"/v1/credit_notes/{note['id']}/lines",
        }
    }
)
LOOKS["refund"] = lambda _, refund: {name: value for name, value in refund.items() if name != "livemode"}
