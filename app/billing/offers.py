"""What a plan is at Stripe: the prices that a subscription to one of its versions is made of."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.billing import meters
from app.billing.catalogue import Catalogue
from app.billing.meters import Meter
from app.plans.choosing import Choice
from app.plans.document import PAYG, TEAM, Document
from app.plans.models import PriceVersion
from app.plans.queries import Offer

BILLED = (PAYG, TEAM)
"""Kinds of plans that are paid for by Stripe's invoices; what prepaid plans charge is taken from the wallet."""


@dataclass(frozen=True, slots=True)
class Item:
    """One price of a subscription. quantity: None for what is metered."""

    price: str
    quantity: int | None = None

    def as_line(self) -> dict[str, object]:
        """For Checkout and subscriptions alike."""
        return {"price": self.price} if self.quantity is None else {"price": self.price, "quantity": self.quantity}


def is_billed(plan: Document) -> bool:
    """Whether it takes a subscription at Stripe."""
    return plan.kind in BILLED


def extra_seats(plan: Document, seats: int) -> int:
    """For how many of `seats` there is a fee."""
    return max(0, seats - plan.seats_included) if plan.seat else 0


def items(catalogue: Catalogue, choice: Choice, prices: Sequence[PriceVersion]) -> list[Item]:
    """What a subscription to it is made of, at most 20; makes at Stripe what is not there yet. Asks Stripe.

    prices: all of the plan's version.
    """
    offer, currency, interval = choice.offer, choice.currency, choice.interval
    slug, plan = offer.plan.slug, offer.document
    found: list[Item] = []
    base = plan.base.get(currency, {}).get(interval, 0)
    if base:
        fee = _fee(catalogue, offer, "base", label=plan.name, amount=base, currency=currency, interval=interval)
        found.append(Item(fee, 1))
    extra = extra_seats(plan, choice.seats)
    if extra:
        label, amount = f"{plan.name}: seats", plan.seat[currency][interval]
        fee = _fee(catalogue, offer, "seat", label=label, amount=amount, currency=currency, interval=interval)
        found.append(Item(fee, extra))
    labels = {charge.key: charge.label for charge in plan.charges}
    for price in sorted(prices, key=lambda price: price.charge):
        if price.currency == currency:
            label = labels[price.charge]
            for meter in meters.of_charge(price, label):
                product = _product(catalogue, meter, f"{slug}_{price.charge}", f"{plan.name}: {label}")
                found.append(Item(catalogue.metered_price(meter, product=product)))
    own = meters.of_own_prices(currency)
    found.append(Item(catalogue.metered_price(own, product=_product(catalogue, own, "own_prices", own.label))))
    return found


def _product(catalogue: Catalogue, meter: Meter, key: str, name: str) -> str:
    """What is told as money is another one in each currency: its invoices count parts of a cent, or of a yen."""
    unit = meters.unit_of(meter)
    return catalogue.product(f"{meter.currency}_{key}"[:60] if unit else key[:60], name, unit=unit)


def _fee(
    catalogue: Catalogue, offer: Offer, kind: str, *, label: str, amount: int, currency: str, interval: str
) -> str:
    product = catalogue.product(f"{offer.plan.slug}_{kind}"[:60], label)
    key = f"postern-{offer.version.id.hex}-{kind}-{currency}-{interval}"
    return catalogue.flat_price(key, product=product, currency=currency, interval=interval, amount=amount, label=label)
