"""Buying credit at Stripe's Checkout: what may be bought, and the visit that it is bought by.

Three steps as for a first subscription (app/billing/subscribing.py), and the same visit is the same session.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from app.billing import at_checkout, checkout, credit, customers
from app.billing.catalogue import Catalogue
from app.billing.checkout import Ways
from app.billing.desk import Desk
from app.billing.models import TOP_UP, Checkout
from app.billing.stripe_api import StripeApi
from app.billing.subscribing import Asked, Payer
from app.core.config import Settings
from app.core.errors import Conflict, Invalid
from app.organisations import closing
from app.organisations.models import Organisation
from app.plans import amounts
from app.plans.document import PREPAID


@dataclass(frozen=True, slots=True)
class Range:
    """What may be bought at once, in minor units of `currency`. offers: what the page proposes."""

    currency: str
    least: int
    most: int
    offers: tuple[int, ...]

    def check(self, amount: int) -> int:
        """The amount. Raises Invalid, in words, for one that cannot be bought."""
        if not self.least <= amount <= self.most:
            raise Invalid(f"Choose an amount from {self.shown(self.least)} to {self.shown(self.most)}.")
        return amount

    def parse(self, text: str) -> int:
        """What somebody typed, like “25” or “25.00”. Raises Invalid."""
        return self.check(amounts.parse_typed_minor(text, currency=self.currency))

    def shown(self, amount: int) -> str:
        """“$25.00”."""
        return amounts.shown_minor(amount, currency=self.currency)

    def typed(self, amount: int) -> str:
        """“25.00”: what to type to get it."""
        return amounts.written(amount * amounts.NANOS, currency=self.currency)


def range_of(settings: Settings, currency: str) -> Range:
    """As the settings say."""
    return Range(currency, settings.top_up_least, settings.top_up_most, settings.top_up_offers)


def range_for(desk: Desk) -> Range:
    """What can be bought, in the currency that the organisation pays in."""
    held = desk.standing().subscription
    there = credit.currencies(desk.session, desk.organisation.id)
    currency = (held.currency if held is not None else "") or (there[0] if there else desk.settings.currency)
    return range_of(desk.settings, currency)


def refuse_other_plans(desk: Desk) -> None:
    """Raises Conflict where credit would not be used."""
    if desk.standing().offer.document.kind != PREPAID:
        raise Conflict("Credit is used on a prepaid plan only, and you are on another. Choose one first.")


def keep_visit(
    session: Session,
    *,
    visit_id: UUID,
    organisation: Organisation,
    person_id: UUID | None,
    mode: str,
    currency: str,
    amount: int,
    keeps_card: bool,
    now: datetime,
) -> Checkout:
    """The visit of that name, made if need be. Raises Conflict for one that was for something else, or is over, and
    while the organisation is being deleted.
    """
    closing.refuse(organisation)
    wanted = Checkout(
        id=visit_id,
        organisation_id=organisation.id,
        person_id=person_id,
        mode=mode,
        kind=TOP_UP,
        currency=currency,
        amount=amount,
        keeps_card=keeps_card,
        created_at=now,
    )
    return checkout.keep(session, wanted, look_at="your credit")


def address_of(desk: Desk, visit: Checkout) -> str | None:
    """Where to pay, as at_checkout.address_of. Asks Stripe."""
    words = f"Prepaid credit for {desk.settings.product_name}"

    def go(api: StripeApi, _: Catalogue, payer: Payer, ways: Ways) -> Asked:
        return ask(api, visit, payer=payer, ways=ways, words=words)

    return at_checkout.address_of(desk, visit, ask=go, cancel_path="/billing/wallet/?unpaid=1")


def ask(api: StripeApi, visit: Checkout, *, payer: Payer, ways: Ways, words: str) -> Asked:
    """A session for the visit, the same whenever it is asked for. words: what is bought. Asks Stripe."""
    customer_id = payer.customer_id or customers.make_customer(api, payer.organisation, email=payer.email)
    return Asked(customer_id, checkout.begin_top_up(api, visit, customer_id=customer_id, ways=ways, words=words))
