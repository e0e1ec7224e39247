"""Invoices as Stripe has them: fetched whole, kept as a copy that pages and reconciliation read."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import or_
from sqlmodel import Session, col, select

from app.billing import customers
from app.billing.models import Invoice
from app.billing.stripe_api import Found, StripeApi
from app.core import moments
from app.core.errors import NotFound

DRAFT, VOID = "draft", "void"
FINAL = ("paid", VOID, "uncollectible")
MINIMUM = "minimum"
"""In the metadata of items that bill what is missing up to one: the month, and the key of the statement's line."""


def fetch(api: StripeApi, invoice_id: str) -> Found:
    """An invoice with every one of its lines."""
    found = api.get(api.v1.invoices.retrieve, invoice_id)
    lines = found.get("lines") or {}
    if lines.get("has_more"):
        lines["data"] = list(api.every(api.v1.invoices.line_items.list, invoice_id, params={}))
    return found


def fetch_of_charge(api: StripeApi, charge_id: str) -> Found:
    """What a charge paid for, if that was an invoice; {} otherwise."""
    charge = api.get(api.v1.charges.retrieve, charge_id)
    intent = charge.get("payment_intent")
    if not intent:
        return {}
    params = {"payment": {"type": "payment_intent", "payment_intent": str(intent)}}
    paid = api.get(api.v1.invoice_payments.list, params=params)["data"]
    return fetch(api, str(paid[0]["invoice"])) if paid else {}


def apply(session: Session, found: Found, now: datetime) -> None:
    """Keep a copy of an invoice as it is now; one of a customer that is not ours is nothing to us."""
    account = customers.account_by_customer(session, str(found.get("customer") or ""))
    if account is None:
        return
    known = session.get(Invoice, str(found["id"]))
    if known is not None and _is_older(str(found["status"]), known.state):
        return  # what was fetched first is applied last
    changes = found.get("status_transitions") or {}
    invoice = Invoice(
        id=str(found["id"]),
        mode=account.mode,
        organisation_id=account.organisation_id,
        number=str(found.get("number") or ""),
        state=str(found["status"]),
        reason=str(found.get("billing_reason") or "")[:40],
        currency=str(found["currency"]),
        period_start=moments.of(found["period_start"]),
        period_end=moments.of(found["period_end"]),
        subtotal=int(found["subtotal"]),
        tax=sum(int(tax["amount"]) for tax in found.get("total_taxes") or []),
        total=int(found["total"]),
        due=int(found["amount_due"]),
        paid=int(found["amount_paid"]),
        lines=[_line(line) for line in (found.get("lines") or {}).get("data", [])],
        page_url=str(found.get("hosted_invoice_url") or ""),
        pdf_url=str(found.get("invoice_pdf") or ""),
        created_at=moments.of(found["created"]),
        finalized_at=_perhaps(changes.get("finalized_at")),
        paid_at=_perhaps(changes.get("paid_at")),
        updated_at=now,
    )
    session.merge(invoice)
    session.flush()


def apply_if_any(session: Session, found: Found, now: datetime) -> None:
    """The same for what `fetch_of_charge` gives."""
    if found:
        apply(session, found, now)


def of(session: Session, organisation_id: UUID, mode: str, *, limit: int, offset: int = 0) -> list[Invoice]:
    """An organisation's invoices, newest first."""
    statement = (
        select(Invoice)
        .where(Invoice.organisation_id == organisation_id, Invoice.mode == mode)
        .order_by(col(Invoice.created_at).desc(), col(Invoice.id))
    )
    return list(session.exec(statement.limit(limit).offset(offset)))


def every(session: Session, mode: str, *, limit: int, offset: int = 0) -> list[Invoice]:
    """Everybody's, newest first; for operators."""
    order = (col(Invoice.created_at).desc(), col(Invoice.id))
    return list(session.exec(select(Invoice).where(Invoice.mode == mode).order_by(*order).limit(limit).offset(offset)))


def by_name(session: Session, named: str, mode: str) -> Invoice | None:
    """The one with this number or id; for operators."""
    where = or_(col(Invoice.id) == named, col(Invoice.number) == named)
    return session.exec(select(Invoice).where(Invoice.mode == mode, where)).first()


def invoice_of(session: Session, organisation_id: UUID, invoice_id: str) -> Invoice:
    """One of an organisation's invoices. Raises NotFound, for somebody else's as well."""
    found = session.get(Invoice, invoice_id)
    if found is None or found.organisation_id != organisation_id:
        raise NotFound("There is no such invoice.")
    return found


def _is_older(state: str, known: str) -> bool:
    """No end is left again, and what is closed is no draft again."""
    return (known in FINAL and state not in FINAL) or (known != DRAFT and state == DRAFT)


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    details = (line.get("pricing") or {}).get("price_details") or {}
    item = (line.get("parent") or {}).get("subscription_item_details") or {}
    return {
        "id": str(line["id"]),
        "description": str(line.get("description") or ""),
        "amount": int(line["amount"]),
        "quantity": line.get("quantity"),
        "price": str(details.get("price") or ""),
        "period_start": int(line["period"]["start"]),
        "period_end": int(line["period"]["end"]),
        "is_proration": bool(item.get("proration")),
        "minimum": str((line.get("metadata") or {}).get(MINIMUM, "")),
    }


def _perhaps(seconds: int | None) -> datetime | None:
    return moments.of(seconds) if seconds else None
