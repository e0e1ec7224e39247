"""Everybody's invoices, and taking back a part of one by a credit note."""

from typing import NamedTuple

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts.guards import current, operator
from app.admin import queries
from app.billing import credit_notes, forms, invoices, stripe_api
from app.billing.credit_note_models import BALANCE, REFUND
from app.billing.credit_notes import Wanted
from app.billing.models import Invoice
from app.billing.problems import Declined, StripeRefused
from app.core.errors import Conflict, Invalid, NotFound
from app.plans import amounts
from app.web import htmx, paging

bp = Blueprint("bills", __name__, url_prefix="/operator/bills")

PAGE = 50
TONES = {"paid": "ok", "open": "warn", "draft": "neutral", "void": "neutral", "uncollectible": "danger"}
WAYS = {REFUND: "Back to the card that paid it", BALANCE: "Off the next invoice"}


class Typed(NamedTuple):
    """What stands in the form, as it was typed. visit: of the page."""

    visit: str
    amount: str = ""
    way: str = REFUND
    reason: str = ""
    words: str = ""


@bp.get("/")
@operator
def index() -> ResponseReturnValue:
    mode = current.settings.stripe_mode
    page = paging.page_of(
        lambda limit, offset: invoices.every(current.session, mode, limit=limit, offset=offset), size=PAGE
    )
    return htmx.render(
        "admin/bills.html",
        page=page,
        names=queries.names_of(current.session, {one.organisation_id for one in page.rows}),
        notes=credit_notes.of_invoices(current.session, [one.id for one in page.rows]),
        tones=TONES,
        is_connected=current.settings.takes_payments,
    )


@bp.get("/<invoice_id>")
@operator
def show(invoice_id: str) -> ResponseReturnValue:
    return _shown(_invoice(invoice_id), Typed(str(forms.new_visit())))


@bp.post("/<invoice_id>/credit")
@operator
def credit(invoice_id: str) -> ResponseReturnValue:
    invoice = _invoice(invoice_id)
    fields = {name: request.form.get(name, "")[:2_000] for name in ("amount", "way", "reason", "words")}
    typed = Typed(str(forms.visit(request.form)), **fields)
    try:
        amount = amounts.parse_minor(typed.amount, currency=invoice.currency)
        wanted = Wanted(amount, typed.way or REFUND, typed.reason, typed.words.strip(), typed.visit)
        credit_notes.check(current.session, invoice, wanted)
        number = _issue(invoice, wanted)
    except (Invalid, Conflict, Declined, StripeRefused) as problem:
        return _shown(invoice, typed, problem=problem.message)
    flash(f"{amounts.shown_minor(amount, currency=invoice.currency)} of {invoice.number} were taken back by {number}.")
    return htmx.redirect(url_for("bills.show", invoice_id=invoice.id))


def _issue(invoice: Invoice, wanted: Wanted) -> str:
    """Its number. What was read is committed first: nothing stays open while Stripe is asked."""
    api = stripe_api.from_settings(current.settings)
    current.session.commit()
    note = credit_notes.issue(api, invoice, wanted)
    found = invoices.fetch(api, invoice.id)
    credit_notes.record(current.session, invoice, note, person_id=current.person.id, now=current.now)
    invoices.apply(current.session, found, current.now)
    return str(note.get("number") or "a credit note")


def _shown(invoice: Invoice, typed: Typed, *, problem: str = "") -> ResponseReturnValue:
    return htmx.render(
        "admin/bill.html",
        status=422 if problem else 200,
        invoice=invoice,
        name=queries.names_of(current.session, {invoice.organisation_id}).get(invoice.organisation_id, "Nobody’s"),
        notes=credit_notes.of_invoices(current.session, [invoice.id])[invoice.id],
        room=credit_notes.room(current.session, invoice),
        typed=typed,
        problem=problem,
        reasons=credit_notes.REASONS,
        ways=WAYS,
        tones=TONES,
        longest=credit_notes.LONGEST,
        takes_payments=current.settings.takes_payments,
    )


def _invoice(invoice_id: str) -> Invoice:
    found = current.session.get(Invoice, invoice_id)
    if found is None or found.mode != current.settings.stripe_mode:
        raise NotFound("There is no such invoice.")
    return found
