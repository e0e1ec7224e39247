"""Invoices: looked at, previewed, made by hand, finalised, paid, taken back."""

import zlib

from app.sandbox.stripe.billing import collecting, cycle, drafts, previews, taxes
from app.sandbox.stripe.billing import lines as lines_of
from app.sandbox.stripe.desk import Ask, Desk
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.operations import invoice_items
from app.sandbox.stripe.operations.customers import with_metadata
from app.sandbox.stripe.registry import LIST, operation, page, within
from app.sandbox.stripe.store import Thing

_CREATED = " created{gt:int gte:int lt:int lte:int}"


@operation(
    "POST", "/v1/invoices",
    "customer! auto_advance:bool description metadata{*} currency subscription default_payment_method footer "
    "collection_method:charge_automatically pending_invoice_items_behavior:exclude|include "
    "automatic_tax{enabled!:bool}",
)  # fmt: skip
def create(desk: Desk, ask: Ask) -> Thing:
    """A draft with what is pending if asked; without auto_advance it stays one."""
    customer = desk.living("customer", ask.params["customer"], "customer")
    subscription = ask.get("subscription") and desk.need("subscription", ask.params["subscription"], status=400)
    pending = []
    if ask.get("pending_invoice_items_behavior") == "include":
        pending = drafts.pending(desk, customer, subscription)
    currency = ask.get("currency") or customer["currency"] or (pending[0]["currency"] if pending else "usd")
    wrong = [each for each in pending if each["currency"] != currency]
    if wrong:
        raise Refused("All invoice items on an invoice must have the same currency.", param="currency")
    invoice = drafts.create(
        desk, customer, [lines_of.of_item(each) for each in pending], reason="manual", period=(desk.now(), desk.now()),
        currency=currency, subscription=subscription or None,
        grace_s=drafts.GRACE_S if ask.get("auto_advance") else None,
        is_taxed=(ask.get("automatic_tax") or {}).get("enabled", False),
    )  # fmt: skip
    invoice |= {
        "description": ask.get("description"),
        "footer": ask.get("footer"),
        "metadata": ask.get("metadata") or {},
    }
    invoice["default_payment_method"] = ask.get("default_payment_method")
    return desk.show(desk.put(invoice))


@operation("GET", "/v1/invoices", LIST + " customer status:draft|open|paid|uncollectible|void subscription" + _CREATED)
def index(desk: Desk, ask: Ask) -> Thing:
    where = {name: ask.get(name) for name in ("customer", "status")}
    found = desk.store.all("invoice", **where, ref=ask.get("subscription"), newest=True)
    return page(desk, ask, within(ask, found))


@operation("GET", "/v1/invoices/<invoice>")
def retrieve(desk: Desk, ask: Ask) -> Thing:
    return desk.show(desk.need("invoice", ask.id))


@operation(
    "POST", "/v1/invoices/<invoice>", "metadata{*} description? footer? auto_advance:bool default_payment_method?"
)
def update(desk: Desk, ask: Ask) -> Thing:
    invoice = desk.need("invoice", ask.id)
    before = desk.show(invoice)
    names = ("description", "footer", "default_payment_method")
    invoice |= {name: ask.params[name] for name in names if name in ask.params}
    invoice["metadata"] = with_metadata(invoice["metadata"], ask)
    if "auto_advance" in ask.params and invoice["status"] == "draft":
        due = desk.now() + drafts.GRACE_S if ask.params["auto_advance"] else None
        invoice |= {"auto_advance": ask.params["auto_advance"], "automatically_finalizes_at": due, "_due": due}
    desk.put(invoice)
    desk.emit("invoice.updated", invoice, before)
    return desk.show(invoice)


@operation("DELETE", "/v1/invoices/<invoice>")
def delete(desk: Desk, ask: Ask) -> Thing:
    invoice = desk.need("invoice", ask.id)
    if invoice["status"] != "draft" or invoice["_ref"]:
        raise Refused("You can only delete draft invoices that belong to no subscription.")
    desk.store.forget(invoice["id"])
    desk.emit("invoice.deleted", invoice)
    return {"id": invoice["id"], "object": "invoice", "deleted": True}


@operation("GET", "/v1/invoices/<invoice>/lines", LIST)
def lines(desk: Desk, ask: Ask) -> Thing:
    return page(desk, ask, desk.need("invoice", ask.id)["_lines"], show=drafts.show_line)


_TAX = (
    "amount!:int taxable_amount!:int taxability_reason "
    "tax_rate_data{display_name! inclusive!:bool percentage!:dec country state tax_type}"
)


@operation(
    "POST", "/v1/invoices/<invoice>/add_lines",
    f"lines![]{{amount:int description metadata{{*}} quantity:int tax_amounts[]{{{_TAX}}}}}",
)  # fmt: skip
def add_lines(desk: Desk, ask: Ask) -> Thing:
    """Single amounts, with the taxes that somebody else worked out for them."""
    invoice = desk.need("invoice", ask.id)
    if invoice["status"] != "draft":
        raise Refused("The invoice is no longer editable.", code="invoice_not_editable")
    for place, wanted in enumerate(ask.params["lines"]):
        if "amount" not in wanted:
            raise Refused("The stand-in adds lines with an amount only.", param=f"lines[{place}][amount]")
        if "tax_amounts" in wanted and invoice["automatic_tax"]["enabled"]:
            raise Refused("Tax amounts and automatic tax exclude each other.", param=f"lines[{place}][tax_amounts]")
        item = invoice_items.blank(
            desk, customer=invoice["customer"], amount=wanted["amount"], currency=invoice["currency"],
            description=wanted.get("description"), metadata=wanted.get("metadata") or {},
            quantity=wanted.get("quantity", 1),
        )  # fmt: skip
        desk.put(item | {"invoice": invoice["id"], "_ref": None})
        line = lines_of.of_item(item)
        if "tax_amounts" in wanted:
            line["_taxes"] = [_tax(each) for each in wanted["tax_amounts"]]
        invoice["_lines"].append(line)
    return desk.show(desk.put(drafts.total(desk, invoice, desk.need("customer", invoice["customer"]))))


def _tax(wanted: Thing) -> Thing:
    """A rate is made for each that was described, the same for the same words."""
    named = "_".join(str(value) for _, value in sorted(wanted["tax_rate_data"].items()))
    rate = f"txr_{zlib.crc32(named.encode()):08x}"
    return taxes.entry(wanted["amount"], taxable=wanted["taxable_amount"], rate=rate)


@operation("POST", "/v1/invoices/<invoice>/finalize", "auto_advance:bool")
def finalize(desk: Desk, ask: Ask) -> Thing:
    """Open now. With auto_advance it is collected within the hour, as at Stripe; nothing due is paid at once."""
    invoice = drafts.finalize(desk, desk.need("invoice", ask.id))
    advance = ask.get("auto_advance", invoice["auto_advance"])
    invoice |= {"auto_advance": advance, "_due": desk.now() + drafts.GRACE_S if advance else None}
    desk.put(invoice)
    if invoice["amount_remaining"] <= 0:
        invoice = collecting.paid(desk, invoice, None)
    return desk.show(invoice)


@operation("POST", "/v1/invoices/<invoice>/pay", "payment_method off_session:bool paid_out_of_band:bool forgive:bool")
def pay(desk: Desk, ask: Ask) -> Thing:
    invoice = desk.need("invoice", ask.id)
    if invoice["status"] == "draft":
        invoice = drafts.finalize(desk, invoice)
    if invoice["status"] == "paid":
        raise Refused("Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] == "void":
        raise Refused("You can only pay an open or uncollectible invoice.")
    if ask.get("paid_out_of_band"):
        return desk.show(collecting.paid(desk, invoice, None))
    method = None
    if ask.get("payment_method"):
        method = desk.living("payment_method", ask.params["payment_method"], "payment_method")
    confirmed = not ask.get("off_session", True)
    invoice = collecting.collect(desk, invoice, method=method, confirmed=confirmed, by_hand=True)
    if invoice["status"] != "paid":
        payment = desk.store.all("invoice_payment", ref=invoice["id"])[0]["payment"]["payment_intent"]
        raise collecting.refusal(desk, desk.need("payment_intent", payment))
    return desk.show(invoice)


@operation("POST", "/v1/invoices/<invoice>/void")
def void(desk: Desk, ask: Ask) -> Thing:
    return desk.show(drafts.void(desk, desk.need("invoice", ask.id)))


@operation("POST", "/v1/invoices/<invoice>/mark_uncollectible")
def mark_uncollectible(desk: Desk, ask: Ask) -> Thing:
    return desk.show(drafts.mark_uncollectible(desk, desk.need("invoice", ask.id)))


@operation(
    "POST", "/v1/invoices/create_preview",
    "customer subscription preview_mode:next|recurring currency automatic_tax{enabled!:bool} schedule "
    "subscription_details{items[]{id price quantity:int deleted:bool clear_usage:bool metadata{*}} "
    "proration_behavior:always_invoice|create_prorations|none proration_date:int cancel_at_period_end:bool "
    "billing_cycle_anchor{type!:now|timestamp|unchanged timestamp:int} billing_mode{type! flexible{*}} start_date:int} "
    "invoice_items[]{amount:int currency description price quantity:int metadata{*}}",
)  # fmt: skip
def create_preview(desk: Desk, ask: Ask) -> Thing:
    """Done for real and undone, so that it is what would come."""
    return previews.preview(desk, ask, live=cycle.catch_up)
