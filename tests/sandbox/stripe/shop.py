"""A few things that most tests sell, and somebody who buys them."""

from tests.sandbox.stripe.running import StandIn


def customer(stripe: StandIn, card: str | None = "pm_card_visa", **fields):
    """With a card that its invoices are charged to, unless card is None."""
    api = stripe.client.v1
    made = api.customers.create({"email": "owner@acme.example", "name": "Acme", **fields})
    if card:
        method = api.payment_methods.attach(card, {"customer": made.id})
        made = api.customers.update(made.id, {"invoice_settings": {"default_payment_method": method.id}})
    return made


def meter(stripe: StandIn, event_name: str = "calls", formula: str = "sum"):
    return stripe.client.v1.billing.meters.create(
        {"display_name": event_name, "event_name": event_name, "default_aggregation": {"formula": formula}}
    )


def metered(stripe: StandIn, event_name: str = "calls", *, currency: str = "usd", interval: str = "month", **scheme):
    """A price per unit (unit_amount_decimal), tiered (tiers, tiers_mode) or in packages (transform_quantity)."""
    api = stripe.client.v1
    known = [each for each in api.billing.meters.list().data if each.event_name == event_name]
    recurring = {"interval": interval, "usage_type": "metered", "meter": (known or [meter(stripe, event_name)])[0].id}
    if "tiers" in scheme:
        scheme |= {"billing_scheme": "tiered", "tiers_mode": scheme.get("tiers_mode", "graduated")}
    product = api.products.create({"name": event_name.title()})
    return api.prices.create({"currency": currency, "product": product.id, "recurring": recurring, **scheme})


def flat(stripe: StandIn, amount: int, *, currency: str = "usd", interval: str | None = "month", name: str = "Team"):
    """A fee in advance; interval None: paid once."""
    api = stripe.client.v1
    recurring = {"recurring": {"interval": interval}} if interval else {}
    product = api.products.create({"name": name})
    return api.prices.create({"currency": currency, "product": product.id, "unit_amount": amount, **recurring})


def use(stripe: StandIn, customer_id: str, quantity: int, event_name: str = "calls", **fields):
    payload = {"stripe_customer_id": customer_id, "value": str(quantity)}
    return stripe.client.v1.billing.meter_events.create({"event_name": event_name, "payload": payload, **fields})


def subscribe(stripe: StandIn, customer_id: str, *prices, **fields):
    """One of each price."""
    items = [{"price": price.id} for price in prices]
    return stripe.client.v1.subscriptions.create({"customer": customer_id, "items": items, **fields})


def lines(invoice) -> list[tuple[str, int, int]]:
    """(description, quantity, amount) of each."""
    return [(line.description, line.quantity, line.amount) for line in invoice.lines.data]


def latest(stripe: StandIn, customer_id: str):
    """The newest invoice."""
    return stripe.client.v1.invoices.list({"customer": customer_id}).data[0]
