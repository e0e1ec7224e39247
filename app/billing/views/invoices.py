"""One of the organisation's invoices: its lines as Stripe has them, and the months that they belong to."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.billing import belonging, credit_notes, invoices
from app.billing.views.console import TONES
from app.organisations.guards import current, member
from app.web import htmx

bp = Blueprint("invoices", __name__, url_prefix="/billing/invoices")


@bp.get("/<invoice_id>")
@member("billing:read")
def show(invoice_id: str) -> ResponseReturnValue:
    invoice = invoices.invoice_of(current.session, current.organisation.id, invoice_id)
    lines = belonging.lines_of(current.session, invoice)
    return htmx.render(
        "billing/invoice.html",
        invoice=invoice,
        lines=lines,
        months=belonging.by_month(lines),
        notes=credit_notes.of_invoices(current.session, [invoice.id])[invoice.id],
        tones=TONES,
    )
