"""One module per family of resources; importing one registers its operations."""

from importlib import import_module

_FAMILIES = (
    "customers", "catalogue", "meters", "checkout", "subscriptions", "items", "schedules", "invoices", "invoice_items",
    "invoice_payments", "credits", "payments", "taxes", "disputes", "cards", "portal", "events", "v2",
)  # fmt: skip


def load() -> None:
    """Register all of them."""
    for family in _FAMILIES:
        import_module(f"{__name__}.{family}")
