"""What a plan is at Stripe: the prices that a subscription to one of its versions is made of."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, select

from app.billing import meters
from app.billing.catalogue import Catalogue
from app.plans import document
from app.plans.document import PAYG, TEAM, Document
from app.plans.models import Plan, PlanVersion, PriceVersion

BILLED = (PAYG, TEAM)
"""Kinds of plans that are paid for by Stripe's invoices; what prepaid plans charge is taken from the wallet."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A version of a plan with everything that it charges. prices: the charges of all currencies."""

    plan: Plan
    version: PlanVersion
    document: Document
    prices: Sequence[PriceVersion]

    @property
    def is_billed(self) -> bool:
        """Whether it takes a subscription at Stripe."""
        return self.document.kind in BILLED

    def extra_seats(self, seats: int) -> int:
        """For how many of `seats` there is a fee."""
        return max(0, seats - self.document.seats_included) if self.document.seat else 0


@dataclass(frozen=True, slots=True)
class Item:
    """One price of a subscription. quantity: None for what is metered."""

    price: str
    quantity: int | None = None

    def as_line(self) -> dict[str, object]:
        """For Checkout and subscriptions alike."""
        return {"price": self.price} if self.quantity is None else {"price": self.price, "quantity": self.quantity}


def offer_of(session: Session, version: PlanVersion) -> Offer:
    """Everything about one version."""
    prices = session.exec(select(PriceVersion).where(PriceVersion.plan_version_id == version.id)).all()
    plan = session.get_one(Plan, version.plan_id)
    return Offer(plan, version, document.from_json(version.document), prices)


def items(catalogue: Catalogue, offer: Offer, *, currency: str, interval: str, seats: int) -> list[Item]:
    """What a subscription to it is made of, at most 20; makes at Stripe what is not there yet. Asks Stripe."""
    slug, document = offer.plan.slug, offer.document
    found: list[Item] = []
    base = document.base.get(currency, {}).get(interval, 0)
    if base:
        fee = _fee(catalogue, offer, "base", label=document.name, amount=base, currency=currency, interval=interval)
        found.append(Item(fee, 1))
    extra = offer.extra_seats(seats)
    if extra:
        label, amount = f"{document.name}: seats", document.seat[currency][interval]
        fee = _fee(catalogue, offer, "seat", label=label, amount=amount, currency=currency, interval=interval)
        found.append(Item(fee, extra))
    labels = {charge.key: charge.label for charge in document.charges}
    for price in sorted(offer.prices, key=lambda price: price.charge):
        if price.currency == currency:
            label = labels[price.charge]
            product = catalogue.product(f"{slug}_{price.charge}"[:60], f"{document.name}: {label}")
            for meter in meters.of_charge(price, label):
                found.append(Item(catalogue.metered_price(meter, product=product)))
    own = meters.of_own_prices(currency)
    found.append(Item(catalogue.metered_price(own, product=catalogue.product("own_prices", own.label))))
    return found


def _fee(
    catalogue: Catalogue, offer: Offer, kind: str, *, label: str, amount: int, currency: str, interval: str
) -> str:
    product = catalogue.product(f"{offer.plan.slug}_{kind}"[:60], label)
    key = f"postern-{offer.version.id.hex}-{kind}-{currency}-{interval}"
    return catalogue.flat_price(key, product=product, currency=currency, interval=interval, amount=amount, label=label)
