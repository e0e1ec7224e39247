"""Customers before anything is known of them."""

from app.sandbox.stripe.desk import Desk
from app.sandbox.stripe.store import Thing, new_id


def blank(desk: Desk, *, email: str | None = None, invoice_prefix: str | None = None) -> Thing:
    """A customer that is not kept yet."""
    return desk.new(
        "customer", "cus_", address=None, balance=0, currency=None, default_source=None, delinquent=False,
        description=None, email=email, name=None, phone=None, shipping=None, tax_exempt="none", metadata={},
        preferred_locales=[], test_clock=None, next_invoice_sequence=1, discount=None,
        invoice_prefix=invoice_prefix or new_id("")[:8].upper(),
        invoice_settings={
            "custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None,
        },
    )  # fmt: skip
