"""What choosing a plan would change, today and later, with amounts, before anybody agrees. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.billing import offers
from app.core import moments
from app.plans import amounts, choosing, intervals, metrics, words
from app.plans.choosing import Choice
from app.plans.queries import Offer, Standing

SAME, HERE, CHECKOUT, NOW, LATER, AWAY = "same", "here", "checkout", "now", "later", "away"
"""How it would be done: not at all; by ourselves, without money; by a first payment; by changing a subscription at
Stripe at once, or from the end of its interval on; or by ending it there then.
"""


@dataclass(frozen=True, slots=True)
class Line:
    """amount: whole minor units."""

    words: str
    amount: int


@dataclass(frozen=True, slots=True)
class Way:
    """how: one of the above. at: from when on."""

    how: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Row:
    """One plan as somebody would have it. is_own: it is what they are on, at the prices that they pay; is_newer: it is
    that plan as whoever comes today has it.
    """

    choice: Choice
    fees: list[Line]
    charges: list[tuple[str, str]]
    is_own: bool
    is_newer: bool


def rows(standing: Standing, choices: Sequence[Choice]) -> list[Row]:
    """Each plan that can be chosen, in that order; one's own stands where its plan does, before its newest version."""
    found = []
    own = standing.offer
    for choice in choices:
        is_own = choice.offer.version.id == own.version.id
        is_newer = choice.offer.plan.id == own.plan.id and not is_own
        said = charges(choice.offer, choice.currency)
        found.append(Row(choice, fees(choice), said, is_own, is_newer))
    return found


def is_at_stripe(standing: Standing) -> bool:
    """Whether there is a subscription at Stripe to be changed."""
    held = standing.subscription
    return held is not None and bool(held.stripe_id) and offers.is_billed(standing.offer.document)


def way(standing: Standing, choice: Choice, *, now: datetime) -> Way:
    """How to get from what is held to what is wanted."""
    held = standing.subscription
    if held is None:
        is_same = standing.offer.plan.id == choice.offer.plan.id
        return Way(SAME if is_same else CHECKOUT if offers.is_billed(choice.offer.document) else HERE, now)
    if choosing.is_same(held, choice):
        return Way(SAME, now)
    if not is_at_stripe(standing):
        if offers.is_billed(choice.offer.document):
            return Way(CHECKOUT, now)
        return Way(HERE, choosing.begins_at(held, standing.offer, choice, now=now))
    if not offers.is_billed(choice.offer.document):
        return Way(AWAY, intervals.around(now, interval=held.interval, anchor_at=held.anchor_at)[1])
    at = choosing.begins_at(held, standing.offer, choice, now=now)
    return Way(NOW if at <= now else LATER, at)


def first_part(choice: Choice, *, now: datetime) -> tuple[list[Line], datetime]:
    """What a first payment is for, and until when: fees of what is left of the interval. Nothing for plans by use."""
    begins, ends = intervals.around(now, interval=choice.interval, anchor_at=intervals.anchor_of(now))
    lines = [
        Line(
            f"{line.words} until {moments.day(ends)}",
            intervals.part_minor(line.amount, now, ends, whole=(begins, ends)),
        )
        for line in fees(choice)
    ]
    return lines, ends


def fees(choice: Choice) -> list[Line]:
    """What is paid each interval, in advance."""
    said = choice.offer.document
    found = []
    base = said.base.get(choice.currency, {}).get(choice.interval, 0)
    if base:
        found.append(Line(f"{said.name}, base fee", base))
    extra = offers.extra_seats(said, choice.seats)
    if extra:
        each = said.seat.get(choice.currency, {}).get(choice.interval, 0)
        found.append(Line(f"{extra} {'seat' if extra == 1 else 'seats'} beyond the {said.seats_included} included",
                          extra * each))  # fmt: skip
    return found


def charges(offer: Offer, currency: str) -> list[tuple[str, str]]:
    """What is paid by use: label, and price in words."""
    return _seat_prices(offer, currency) + [
        (charge.label, words.scheme(scheme, metric, currency=currency))
        for charge in offer.document.charges
        for metric, scheme in sorted(
            charge.prices.get(currency, {}).items(), key=lambda one: metrics.METRICS.index(one[0])
        )
    ]


def _seat_prices(offer: Offer, currency: str) -> list[tuple[str, str]]:
    said = offer.document
    if said.seats_most <= said.seats_included:
        return []
    each = [
        f"{amounts.shown_minor(minor, currency=currency)} a {interval}"
        for interval, minor in said.seat.get(currency, {}).items()
    ]
    return [(f"Each seat beyond the {said.seats_included} included", " or ".join(each))] if each else []
