"""What a guess of one's own use costs a month: the lines of a bill for it, made as every bill is. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from app.billing import statement
from app.billing.bill import Line, Priced
from app.plans import amounts
from app.plans.document import CALLS_PER_DAY, CALLS_PER_MONTH, PREPAID, Document
from app.plans.metrics import CALLS, METRICS
from app.plans.models import MONTHLY, YEARLY
from app.plans.queries import Offer

MONTHS = {MONTHLY: 1, YEARLY: 12}
_MONTH = (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
"""Which one does not matter: nothing here depends on its length but what a day's allowance comes to."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Amounts in whole minor units. interval: of the base fee, "" for none. base: per interval. share: of it in one
    month. lines: of one month's use. is_enough: whether the plan allows so many calls.
    """

    offer: Offer
    currency: str
    interval: str
    base: int
    share: int
    lines: tuple[Line, ...]
    is_enough: bool

    @property
    def usage(self) -> int:
        """What use comes to in a month, minimums included."""
        return sum(line.amount_minor for line in self.lines)

    @property
    def total(self) -> int:
        """A month, all in all."""
        return self.share + self.usage


def estimate(offer: Offer, guess: Mapping[str, int], *, currency: str, interval: str) -> Estimate:
    """For so much a month, by tools without a price of their own. guess: metric to quantity. interval: as wanted, where
    the plan has it.
    """
    said = offer.document
    fees = said.base.get(currency, {})
    paid = interval if interval in fees else next(iter(fees), "")
    base = fees.get(paid, 0)
    share = amounts.to_minor(base * amounts.NANOS // MONTHS.get(paid, 1))
    return Estimate(offer, currency, paid, base, share, _lines(said, guess, currency), _allows(said, guess))


def cheapest(estimates: list[Estimate]) -> Estimate | None:
    """Of those that are enough, the first of the cheapest."""
    return min((one for one in estimates if one.is_enough), key=lambda one: one.total, default=None)


def guessable(plans: Sequence[Document]) -> tuple[str, ...]:
    """The metrics whose guess changes what any of the plans comes to; calls always."""
    priced = {CALLS}
    for plan in plans:
        for charge in plan.charges:
            if not charge.integration:
                priced |= {metric for schemes in charge.prices.values() for metric in schemes}
    return tuple(metric for metric in METRICS if metric in priced)


def _lines(said: Document, guess: Mapping[str, int], currency: str) -> tuple[Line, ...]:
    priced, quantities = [], {}
    for number, charge in enumerate(said.charges, start=1):
        schemes = charge.prices.get(currency, {})
        one = Priced(UUID(int=number << 96), charge.label, currency, schemes, is_prepaid=said.kind == PREPAID)
        priced.append(one)
        if not charge.integration:
            quantities[one.version_id] = dict(guess)
    begins_at, ends_at = _MONTH
    made = statement.of_month(begins_at=begins_at, ends_at=ends_at, priced=priced, quantities=quantities)
    return made.lines


def _allows(said: Document, guess: Mapping[str, int]) -> bool:
    calls, days = guess.get(CALLS, 0), (_MONTH[1] - _MONTH[0]).days
    most = [said.allowances[name] * factor for name, factor in ((CALLS_PER_MONTH, 1), (CALLS_PER_DAY, days))
            if name in said.allowances]  # fmt: skip
    return all(calls <= allowed for allowed in most)
