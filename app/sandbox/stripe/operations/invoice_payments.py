"""What invoices are paid by: payments that are attached to one, and a look at all of them."""

from app.sandbox.stripe.billing import collecting
from app.sandbox.stripe.desk import Ask, Desk
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.registry import LIST, operation, page
from app.sandbox.stripe.store import Thing


@operation("POST", "/v1/invoices/<invoice>/attach_payment", "payment_intent!")
def attach(desk: Desk, ask: Ask) -> Thing:
    """A payment that succeeded pays the invoice at once; what it is too much for goes to the customer's balance."""
    invoice = desk.need("invoice", ask.id)
    payment = desk.need("payment_intent", ask.params["payment_intent"], "payment_intent", status=400)
    if invoice["status"] != "open":
        raise Refused(f"Payments can be attached to open invoices only; this one is {invoice['status']}.")
    if payment["customer"] != invoice["customer"] or payment["currency"] != invoice["currency"]:
        raise Refused("The payment is another customer's, or in another currency.", param="payment_intent")
    if payment["status"] != "succeeded":
        raise Refused("The stand-in attaches payments that succeeded only.", param="payment_intent")
    if _by_payment(desk.store.all("invoice_payment"), payment["id"]):
        raise Refused("This payment is attached to an invoice already.", param="payment_intent")
    missing = invoice["amount_remaining"] - payment["amount_received"]
    if missing > 0:
        raise Refused("The stand-in attaches payments of the whole amount only.", param="payment_intent")
    if missing < 0:
        customer = desk.need("customer", invoice["customer"])
        desk.put(customer | {"balance": customer["balance"] + missing})
    collecting.pay_by(desk, invoice, payment)
    invoice["amount_overpaid"] = -missing
    return desk.show(collecting.paid(desk, invoice, payment))


@operation("GET", "/v1/invoice_payments", LIST + " invoice status:canceled|open|paid payment{type! payment_intent}")
def index(desk: Desk, ask: Ask) -> Thing:
    found = desk.store.all("invoice_payment", ref=ask.get("invoice"), status=ask.get("status"), newest=True)
    intent = (ask.get("payment") or {}).get("payment_intent")
    return page(desk, ask, _by_payment(found, intent) if intent else found)


@operation("GET", "/v1/invoice_payments/<invoice_payment>")
def retrieve(desk: Desk, ask: Ask) -> Thing:
    return desk.show(desk.need("invoice_payment", ask.id))


def _by_payment(found: list[Thing], intent: str) -> list[Thing]:
    return [each for each in found if each["payment"]["payment_intent"] == intent]
