"""What a guess of one's own use costs a month, by the very function that bills are made with. Pure."""

from dataclasses import dataclass

from app.plans import amounts, rating
from app.plans.document import CALLS_PER_MONTH, Document
from app.plans.metrics import CALLS
from app.plans.models import MONTHLY, YEARLY
from app.plans.queries import Offer
from app.plans.rating import Scheme

MONTHS = {MONTHLY: 1, YEARLY: 12}


@dataclass(frozen=True, slots=True)
class Estimate:
    """Amounts in whole minor units. interval: of the base fee, "" for none. base: per interval. share: of it in one
    month. usage: of one month. is_enough: whether the plan allows so many calls.
    """

    offer: Offer
    currency: str
    interval: str
    base: int
    share: int
    usage: int
    is_enough: bool

    @property
    def total(self) -> int:
        """A month, all in all."""
        return self.share + self.usage


def estimate(offer: Offer, *, calls: int, currency: str, interval: str) -> Estimate:
    """For so many calls a month of tools without a price of their own. interval: as wanted, where the plan has it."""
    said = offer.document
    fees = said.base.get(currency, {})
    paid = interval if interval in fees else next(iter(fees), "")
    base = fees.get(paid, 0)
    share = amounts.to_minor(base * amounts.NANOS // MONTHS.get(paid, 1))
    usage = amounts.to_minor(rating.rate(calls, scheme_of(said, currency)))
    most = said.allowances.get(CALLS_PER_MONTH)
    return Estimate(offer, currency, paid, base, share, usage, most is None or calls <= most)


def cheapest(estimates: list[Estimate]) -> Estimate | None:
    """Of those that are enough, the first of the cheapest."""
    return min((one for one in estimates if one.is_enough), key=lambda one: one.total, default=None)


def scheme_of(plan: Document, currency: str) -> Scheme:
    """How a plan charges for calls that nothing more special prices."""
    for charge in plan.charges:
        if not charge.integration and not charge.tool:
            return charge.prices.get(currency, {}).get(CALLS, Scheme())
    return Scheme()
