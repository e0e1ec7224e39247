"""Stripe's customer portal: where people change their card and their details, and find their invoices."""

from uuid import UUID

from app.billing.catalogue import Catalogue
from app.billing.stripe_api import StripeApi, key_for

FEATURES = {
    "customer_update": {"enabled": True, "allowed_updates": ["email", "name", "address", "tax_id"]},
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True},
}
"""Plans are changed and cancelled here, where it is shown beforehand what that costs."""


def open_(api: StripeApi, catalogue: Catalogue, *, customer_id: str, visit: UUID, return_url: str) -> str:
    """The address of a session of it. visit: of the page whose button was pressed. Asks Stripe."""
    params = {
        "customer": customer_id,
        "configuration": catalogue.portal(FEATURES),
        "return_url": return_url,
    }
    made = api.post(api.v1.billing_portal.sessions.create, params=params, key=key_for("portal", customer_id, visit))
    return str(made["url"])
