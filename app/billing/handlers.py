"""Which of Stripe's events mean what here."""

from datetime import datetime

from sqlmodel import Session

from app.billing import automatic, credit_notes, customers, invoices, meter_errors, payments, subscriptions
from app.billing.applying import Handler, Handlers
from app.billing.stripe_api import Found, StripeApi


def fetch_refund(api: StripeApi, charge_id: str) -> Found:
    """{"invoice", "paid"}: what the charge paid for, each {} if it was not that."""
    return {"invoice": invoices.fetch_of_charge(api, charge_id), "paid": payments.fetch_of_charge(api, charge_id)}


def apply_refund(session: Session, found: Found, now: datetime) -> None:
    """The same in a transaction."""
    invoices.apply_if_any(session, found["invoice"], now)
    payments.apply(session, found["paid"], now)


HANDLERS: Handlers = {
    "checkout.session.": Handler(subscriptions.fetch_of_checkout, subscriptions.apply_of_checkout),
    "customer.subscription.": Handler(subscriptions.fetch, subscriptions.apply),
    "customer.updated": Handler(customers.fetch, automatic.apply_customer),
    "payment_method.": Handler(customers.fetch_by_payment_method, automatic.apply_customer),
    "invoice.": Handler(invoices.fetch, invoices.apply),
    "credit_note.": Handler(credit_notes.fetch, credit_notes.apply),
    "v1.billing.meter.": Handler(meter_errors.fetch, meter_errors.apply, is_by_event=True),
    "charge.refunded": Handler(fetch_refund, apply_refund),
    "charge.dispute.": Handler(payments.fetch_of_dispute, payments.apply),
    "payment_intent.": Handler(payments.fetch, payments.apply),
}
