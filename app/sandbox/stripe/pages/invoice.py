"""The page of one invoice, where it can be paid, and its PDF."""

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.sandbox.stripe import arithmetic, calendar
from app.sandbox.stripe.billing import cards, collecting
from app.sandbox.stripe.controls import the_desk
from app.sandbox.stripe.desk import Desk
from app.sandbox.stripe.pages import pdf
from app.sandbox.stripe.store import Thing

bp = Blueprint("invoice", __name__, url_prefix="/i/<invoice_id>")


@bp.get("")
def show(invoice_id: str) -> ResponseReturnValue:
    desk = the_desk()
    return _page(desk, desk.need("invoice", invoice_id))


@bp.post("/pay")
def pay(invoice_id: str) -> ResponseReturnValue:
    """`card`: by name or number. Its owner is there, so a bank that asks gets its answer."""
    desk = the_desk()
    invoice = desk.need("invoice", invoice_id)
    card = cards.named(request.form.get("card", ""))
    if invoice["status"] not in ("open", "uncollectible") or card is None:
        return _page(desk, invoice, "Choose a card."), 422
    if card.at_once:
        return _page(desk, invoice, "Your card was declined."), 402
    with desk.store.transaction():
        customer = desk.need("customer", invoice["customer"])
        method = cards.add(desk, card, customer["id"])
        invoice = collecting.collect(desk, invoice, method=method, confirmed=True, by_hand=True)
        if invoice["status"] == "paid" and not customer["invoice_settings"]["default_payment_method"]:
            cards.make_default(desk, desk.need("customer", customer["id"]), method)
    if invoice["status"] != "paid":
        return _page(desk, invoice, "Your card was declined."), 402
    return redirect(url_for("invoice.show", invoice_id=invoice_id), 303)


@bp.get("/pdf")
def as_pdf(invoice_id: str) -> Response:
    invoice = the_desk().need("invoice", invoice_id)
    name = f"Invoice-{invoice['number'] or invoice['id']}.pdf"
    headers = {"Content-Disposition": f'inline; filename="{name}"'}
    return Response(pdf.made(_text(invoice)), headers=headers, content_type="application/pdf")


def _text(invoice: Thing) -> list[str]:
    currency = invoice["currency"]
    lines = [f"{line['description']}: {arithmetic.shown(line['amount'], currency)}" for line in invoice["_lines"]]
    tax = sum(each["amount"] for each in invoice["total_taxes"])
    applied = invoice["amount_due"] - invoice["total"]
    return [
        f"Invoice {invoice['number'] or '(draft)'}", "From a stand-in for Stripe: no money moves.", "",
        f"To: {invoice['customer_name'] or invoice['customer_email'] or invoice['customer']}",
        f"Date: {calendar.day_of(invoice['created'])}   State: {invoice['status']}", "", *lines, "",
        f"Subtotal: {arithmetic.shown(invoice['subtotal'], currency)}", f"Tax: {arithmetic.shown(tax, currency)}",
        f"Total: {arithmetic.shown(invoice['total'], currency)}",
        *([f"Applied balance: {arithmetic.shown(applied, currency)}"] if applied else []),
        f"Amount due: {arithmetic.shown(invoice['amount_due'], currency)}",
        f"Left to pay: {arithmetic.shown(invoice['amount_remaining'], currency)}",
    ]  # fmt: skip


def _page(desk: Desk, invoice: Thing, problem: str = "") -> str:
    customer = desk.need("customer", invoice["customer"])
    return render_template("invoice.html", invoice=invoice, customer=customer, cards=cards.CARDS, problem=problem)
