"""Invoices from draft to open: their totals, their numbers, what becomes of credit balances."""

from app.sandbox.stripe.billing import lines as lines_of
from app.sandbox.stripe.billing import taxes
from app.sandbox.stripe.desk import EXTRAS, LOOKS, PAGE, Desk
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.store import Thing

GRACE_S = 3600
"""How long an invoice of a period stays a draft, so that late usage still counts."""
_DETAILS = ("subtotal", "total", "amount_due")


def create(
    desk: Desk,
    customer: Thing,
    lines: list[Thing],
    *,
    reason: str,
    period: tuple[int, int],
    currency: str,
    subscription: Thing | None = None,
    grace_s: int | None = GRACE_S,
    is_taxed: bool = False,
    **fields: object,
) -> Thing:
    """A draft with `lines`. grace_s: when it finalises by itself; None: not. is_taxed: whether taxes are worked out;
    they always are where the subscription says so.
    """
    parent = subscription and {
        "type": "subscription_details", "quote_details": None,
        "subscription_details": {"metadata": subscription["metadata"], "subscription": subscription["id"]},
    }  # fmt: skip
    due = None if grace_s is None else desk.now() + grace_s
    automatic = is_taxed or bool(subscription and subscription["automatic_tax"]["enabled"])
    invoice = desk.new(
        "invoice", "in_", customer=customer["id"], currency=currency, status="draft", billing_reason=reason,
        account_country="US", account_name="Stand-in", account_tax_ids=None, application=None, attempt_count=0,
        attempted=False, auto_advance=grace_s is not None, automatically_finalizes_at=due,
        automatic_tax={
            "enabled": automatic, "disabled_reason": None, "provider": "stripe" if automatic else None,
            "liability": {"type": "self"} if automatic else None, "status": "complete" if automatic else None,
        },
        collection_method="charge_automatically", custom_fields=None, customer_address=customer["address"],
        customer_email=customer["email"], customer_name=customer["name"], customer_phone=customer["phone"],
        customer_shipping=None, customer_tax_exempt=customer["tax_exempt"],
        customer_tax_ids=[
            {"type": each["type"], "value": each["value"]} for each in desk.store.all("tax_id", customer=customer["id"])
        ],
        default_payment_method=None, default_source=None, default_tax_rates=[], description=None, discounts=[],
        due_date=None, effective_at=None, ending_balance=None, footer=None, from_invoice=None, hosted_invoice_url=None,
        invoice_pdf=None, issuer={"type": "self"}, last_finalization_error=None, latest_revision=None, metadata={},
        next_payment_attempt=due, number=None, on_behalf_of=None, parent=parent or None,
        payment_settings={"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
        period_start=period[0], period_end=period[1], post_payment_credit_notes_amount=0,
        pre_payment_credit_notes_amount=0, receipt_number=None, rendering=None, shipping_cost=None,
        shipping_details=None, starting_balance=0, statement_descriptor=None, test_clock=None,
        status_transitions={"finalized_at": None, "marked_uncollectible_at": None, "paid_at": None, "voided_at": None},
        total_discount_amounts=[], total_pretax_credit_amounts=[], webhooks_delivered_at=None, amount_paid=0,
        amount_overpaid=0, amount_shipping=0, _lines=lines, _due=due,
        _ref=subscription and subscription["id"], **fields,
    )  # fmt: skip
    invoice = desk.put(total(desk, invoice, customer))
    for line in lines:
        details = line["parent"]["subscription_item_details"] or line["parent"]["invoice_item_details"]
        if details["invoice_item"]:
            used = desk.need("invoiceitem", details["invoice_item"])
            desk.put(used | {"invoice": invoice["id"], "_ref": None})
    desk.emit("invoice.created", invoice)
    return invoice


def total(desk: Desk, invoice: Thing, customer: Thing) -> Thing:
    """The draft with its lines counted anew and everything that follows from them."""
    counted = [lines_of.recount(desk, line, customer["id"]) for line in invoice["_lines"]]
    percent = taxes.percent(desk, invoice["automatic_tax"])
    invoice["_lines"] = [line | {"taxes": taxes.of_line(line, percent), "invoice": invoice["id"]} for line in counted]
    subtotal = sum(line["amount"] for line in counted)
    sums = taxes.by_rate(tax for line in invoice["_lines"] for tax in line["taxes"])
    whole = subtotal + sum(tax["amount"] for tax in sums)
    after = whole + customer["balance"]
    due = max(after, 0)
    return invoice | {
        "subtotal": subtotal, "subtotal_excluding_tax": subtotal, "total": whole, "total_excluding_tax": subtotal,
        "total_taxes": sums, "starting_balance": customer["balance"], "amount_due": due, "amount_remaining": due,
        "_after": min(after, 0),
    }  # fmt: skip


def finalize(desk: Desk, invoice: Thing) -> Thing:
    """From draft to open, with a number; nothing on it changes any more. Raises Refused if it is no draft."""
    if invoice["status"] != "draft":
        raise Refused("This invoice is already finalized, you can't re-finalize a non-draft invoice.")
    customer = desk.need("customer", invoice["customer"])
    invoice = total(desk, invoice, customer)
    sequence = customer["next_invoice_sequence"]
    page = f"{desk.settings.url}/i/{invoice['id']}"
    now = desk.now()
    invoice |= {
        "status": "open", "number": f"{customer['invoice_prefix']}-{sequence:04d}", "hosted_invoice_url": page,
        "invoice_pdf": f"{page}/pdf", "effective_at": now, "ending_balance": invoice["_after"],
        "status_transitions": invoice["status_transitions"] | {"finalized_at": now},
        "automatically_finalizes_at": None, "_due": None, "next_payment_attempt": None,
    }  # fmt: skip
    desk.put(customer | {"next_invoice_sequence": sequence + 1, "balance": invoice["_after"]})
    desk.put(invoice)
    desk.emit("invoice.finalized", invoice)
    return invoice


def pending(desk: Desk, customer: Thing, subscription: Thing | None) -> list[Thing]:
    """Invoice items that wait for the next invoice of this subscription, or of none, oldest first."""
    found = desk.store.all("invoiceitem", customer=customer["id"], ref="pending")
    wanted = (None, subscription and subscription["id"])
    return [
        each
        for each in found
        if (each["parent"] or {"subscription_details": {}})["subscription_details"].get("subscription") in wanted
    ]


def void(desk: Desk, invoice: Thing) -> Thing:
    """Take back an invoice that is open or uncollectible."""
    if invoice["status"] not in ("open", "uncollectible"):
        raise Refused(f"You can only void open or uncollectible invoices; this one is {invoice['status']}.")
    moments = invoice["status_transitions"] | {"voided_at": desk.now()}
    invoice |= {"status": "void", "status_transitions": moments, "_due": None, "next_payment_attempt": None}
    desk.put(invoice | {"auto_advance": False})
    desk.emit("invoice.voided", invoice)
    return invoice


def mark_uncollectible(desk: Desk, invoice: Thing) -> Thing:
    if invoice["status"] != "open":
        raise Refused(f"You can only mark open invoices as uncollectible; this one is {invoice['status']}.")
    moments = invoice["status_transitions"] | {"marked_uncollectible_at": desk.now()}
    invoice |= {"status": "uncollectible", "status_transitions": moments, "_due": None, "next_payment_attempt": None}
    desk.put(invoice | {"auto_advance": False})
    desk.emit("invoice.marked_uncollectible", invoice)
    return invoice


def _look(desk: Desk, invoice: Thing) -> Thing:
    shown = [show_line(line) for line in invoice["_lines"]]
    return invoice | {
        "lines": {
            "object": "list", "data": shown[:PAGE], "has_more": len(shown) > PAGE,
            "url": f"/v1/invoices/{invoice['id']}/lines",
        }
    }  # fmt: skip


def show_line(line: Thing) -> Thing:
    return {name: value for name, value in line.items() if not name.startswith("_")}


def _payments(desk: Desk, invoice: Thing) -> Thing:
    found = desk.store.all("invoice_payment", ref=invoice["id"])
    return desk.listed(found, f"/v1/invoice_payments?invoice={invoice['id']}")


LOOKS["invoice"] = _look
LOOKS["invoiceitem"] = lambda _, item: {name: value for name, value in item.items() if name != "created"}
EXTRAS["invoice", "payments"] = _payments
