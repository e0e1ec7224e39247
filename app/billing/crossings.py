"""From how many calls on which plan is the cheapest: found with the estimates themselves. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from app.billing import estimating
from app.plans.metrics import CALLS
from app.plans.queries import Offer

LEAST, MOST = 100, 10_000_000
"""Calls a month between which guesses are usual: the ends of the slider (static/js/guess-slider.js)."""
STEPS_PER_TENFOLD = 8
_TENFOLDS = 5


@dataclass(frozen=True, slots=True)
class Reach:
    """The plan is the cheapest from `since` calls a month to `until`; until is MOST for the last."""

    offer: Offer
    since: int
    until: int

    @property
    def begins(self) -> str:
        """Where that is on the slider, in percent: “43.20%”."""
        return percent(self.since)

    @property
    def length(self) -> str:
        """How much of the slider it is."""
        return _shown(_place(self.until) - _place(self.since))


def reaches(offers: Sequence[Offer], guess: Mapping[str, int], *, currency: str, interval: str) -> list[Reach]:
    """Between LEAST and MOST calls a month, in order and without gaps. guess: of everything else."""

    def best(calls: int) -> Offer | None:
        found = [
            estimating.estimate(offer, {**guess, CALLS: calls}, currency=currency, interval=interval)
            for offer in offers
        ]
        chosen = estimating.cheapest(found)
        return chosen.offer if chosen is not None else None

    steps = [_calls_at(step) for step in range(STEPS_PER_TENFOLD * _TENFOLDS + 1)]
    known = [(calls, best(calls)) for calls in steps]
    found: list[Reach] = []
    since = LEAST
    for (low, was), (high, now) in pairwise(known):
        if was is now or was is None:
            continue
        last, next_ = low, high
        while next_ - last > 1:
            middle = (last + next_) // 2
            last, next_ = (middle, next_) if best(middle) is was else (last, middle)
        found.append(Reach(was, since, last))
        since = next_
    end = known[-1][1]
    return [*found, Reach(end, since, MOST)] if end is not None else found


def percent(calls: int) -> str:
    """Where so many calls are on the slider, in percent."""
    return _shown(_place(min(max(calls, LEAST), MOST)))


def _place(calls: int) -> int:
    """In ten-thousandths of the slider, whose steps are equal factors."""
    return int((Decimal(calls).log10() - Decimal(LEAST).log10()) * 10_000 // _TENFOLDS)


def _shown(place: int) -> str:
    return f"{place // 100}.{place % 100:02}%"


def _calls_at(step: int) -> int:
    """Equal factors between neighbours, in whole calls."""
    tens, part = divmod(step, STEPS_PER_TENFOLD)
    exact: int = LEAST * 10**tens
    return exact * _PARTS[part] // 1000


_PARTS = (1000, 1334, 1778, 2371, 3162, 4217, 5623, 7499)
"""Thousandths: ten to the power of so many eighths."""
