"""Which of Stripe's events mean what here."""

from app.billing import customers, invoices, meter_errors, subscriptions
from app.billing.applying import Handler, Handlers

HANDLERS: Handlers = {
    "checkout.session.": Handler(subscriptions.fetch_of_checkout, subscriptions.apply_of_checkout),
    "customer.subscription.": Handler(subscriptions.fetch, subscriptions.apply),
    "customer.updated": Handler(customers.fetch, customers.apply),
    "payment_method.": Handler(customers.fetch_by_payment_method, customers.apply),
    "invoice.": Handler(invoices.fetch, invoices.apply),
    "v1.billing.meter.": Handler(meter_errors.fetch, meter_errors.apply, is_by_event=True),
    "charge.refunded": Handler(invoices.fetch_of_charge, invoices.apply_if_any),
}
