"""Credit notes: taking back a part of an invoice, or all of it. Stripe issues them and moves the money; here they are
kept, so that customers see them beside the invoice and in the month's statement.

An invoice's own lines and sums stay as they were: what it comes to afterwards is its total less its notes, never below
zero. An open invoice's note lowers what is to be paid; a paid one's goes back to the card, or off the next invoice.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from app.billing import customers
from app.billing.bill import Credit
from app.billing.credit_note_models import BALANCE, ISSUED, REFUND, CreditNote
from app.billing.models import Invoice
from app.billing.months import Month
from app.billing.stripe_api import Found, StripeApi, key_for
from app.core import audit, moments
from app.core.errors import Conflict, Invalid

REASONS = {
    "": "None of these",
    "duplicate": "Billed twice",
    "order_change": "Something else was ordered",
    "product_unsatisfactory": "It did not work as it should",
    "fraudulent": "Fraud",
}
"""Stripe's reasons (API 2026-10-28.endive, credit_notes.create), in words."""
WAYS = (REFUND, BALANCE)
LONGEST = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """amount: minor units. way: "refund" or "balance", for an invoice that is paid. visit: what makes it the same note
    however often it is asked for.
    """

    amount: int
    way: str
    reason: str
    words: str
    visit: str


def room(session: Session, invoice: Invoice) -> int:
    """How much of an invoice can still be taken back, in minor units; 0 while it is a draft, and when it is void."""
    if invoice.state not in ("open", "paid"):
        return 0
    left = invoice.total - sum(note.amount for note in of_invoices(session, [invoice.id])[invoice.id])
    return max(0, min(left, invoice.due - invoice.paid) if invoice.state == "open" else left)


def check(session: Session, invoice: Invoice, wanted: Wanted) -> None:
    """Raises Invalid, in words, for what cannot be; Conflict for more than is left."""
    if wanted.reason not in REASONS:
        raise Invalid("Choose one of the reasons.")
    if wanted.way not in WAYS:
        raise Invalid("Choose whether it goes back to the card or off the next invoice.")
    if not wanted.words.strip():
        raise Invalid("Say what it is for: the customer reads it.")
    if len(wanted.words) > LONGEST:
        raise Invalid(f"Say it in at most {LONGEST} characters.")
    most = room(session, invoice)
    if not most:
        raise Conflict("Nothing of this invoice can be taken back any more.")
    if not 0 < wanted.amount <= most:
        raise Invalid("Take back more than nothing, and at most what is left of the invoice.")


def issue(api: StripeApi, invoice: Invoice, wanted: Wanted) -> Found:
    """Have Stripe issue it; what `apply` wants. Raises StripeRefused, and Declined for a refund. Asks Stripe."""
    params: dict[str, object] = {"invoice": invoice.id, "amount": wanted.amount, "memo": wanted.words}
    if wanted.reason:
        params["reason"] = wanted.reason
    if invoice.state == "paid":
        params["refund_amount" if wanted.way == REFUND else "credit_amount"] = wanted.amount
    key = key_for("credit-note", invoice.id, wanted.visit)
    return api.post(api.v1.credit_notes.create, params=params, key=key)


def fetch(api: StripeApi, note_id: str) -> Found:
    """One as Stripe has it now."""
    return api.get(api.v1.credit_notes.retrieve, note_id)


def apply(session: Session, found: Found, now: datetime) -> None:
    """Keep a copy; of a customer that is not ours it is nothing to us."""
    account = customers.account_by_customer(session, str(found["customer"]))
    if account is None:
        return
    refunded = sum(int(one["amount_refunded"]) for one in found.get("refunds") or [])
    after = int(found.get("post_payment_amount") or 0)
    outside = int(found.get("out_of_band_amount") or 0)
    note = CreditNote(
        id=str(found["id"]),
        mode=account.mode,
        organisation_id=account.organisation_id,
        invoice_id=str(found["invoice"]),
        number=str(found.get("number") or ""),
        currency=str(found["currency"]),
        amount=int(found["total"]),
        refunded=refunded,
        to_balance=max(0, after - refunded - outside),
        reason=str(found.get("reason") or ""),
        words=str(found.get("memo") or "")[:LONGEST],
        state=str(found["status"]),
        pdf_url=str(found.get("pdf") or ""),
        created_at=moments.of(int(found["created"])),
    )
    session.merge(note)
    session.flush()


def record(session: Session, invoice: Invoice, found: Found, *, person_id: UUID | None, now: datetime) -> None:
    """Keep it, and who issued it."""
    apply(session, found, now)
    details = {"note": str(found["id"]), "invoice": invoice.id, "amount": str(found["total"])}
    audit.record(
        session,
        action="credit_note.issued",
        now=now,
        organisation_id=invoice.organisation_id,
        person_id=person_id,
        details=details,
    )


def of_invoices(session: Session, invoice_ids: Collection[str]) -> dict[str, list[CreditNote]]:
    """Those that hold, by invoice, oldest first."""
    statement = select(CreditNote).where(col(CreditNote.invoice_id).in_(list(invoice_ids)), CreditNote.state == ISSUED)
    found: dict[str, list[CreditNote]] = defaultdict(list)
    for note in session.exec(statement.order_by(col(CreditNote.created_at), col(CreditNote.id))):
        found[note.invoice_id].append(note)
    return found


def of_month(session: Session, organisation_id: UUID, month: Month) -> tuple[Credit, ...]:
    """What was taken back of invoices for the month, in the order in which it was."""
    statement = (
        select(CreditNote, Invoice)
        .join(Invoice, col(Invoice.id) == col(CreditNote.invoice_id))
        .where(CreditNote.organisation_id == organisation_id, CreditNote.state == ISSUED)
        .where(col(Invoice.period_start) >= month.begins_at, col(Invoice.period_start) < month.ends_at)
        .order_by(col(CreditNote.created_at), col(CreditNote.id))
    )
    return tuple(
        Credit(f"Credit note {note.number} on {invoice.number}: {note.words}", note.currency, note.amount)
        for note, invoice in session.exec(statement)
    )
