"""Choosing a plan: what may be chosen, and whether it begins now or when what is paid for is over. Pure."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.core.errors import Invalid
from app.plans import document, intervals
from app.plans.document import Document
from app.plans.models import MONTHLY, YEARLY, Subscription
from app.plans.queries import Offer

_RANKS = {document.FREE: 0, document.PREPAID: 1, document.PAYG: 1, document.TEAM: 2}


@dataclass(frozen=True, slots=True)
class Choice:
    """What somebody wants to be on. currency, interval: "" where the plan has nothing to pay, or no base fee. seats: 0
    for as many as there are.
    """

    offer: Offer
    currency: str = ""
    interval: str = ""
    seats: int = 0

    @property
    def is_paid(self) -> bool:
        """Whether there is anything to pay, ever."""
        return self.offer.document.kind != document.FREE

    @property
    def yearly_minor(self) -> int:
        """Its base fee and seats in a year, in whole minor units."""
        return _yearly_minor(self.offer.document, self.currency, self.interval, self.seats)


def check(choice: Choice, *, organisation_id: UUID) -> None:
    """Raises Invalid, in words, for what the plan does not offer."""
    plan, said = choice.offer.plan, choice.offer.document
    if plan.organisation_id not in (None, organisation_id):
        raise Invalid(f"There is no plan “{plan.slug}” to choose.")
    if said.currencies and choice.currency not in said.currencies:
        raise Invalid(f"“{said.name}” can be paid in {' or '.join(said.currencies)}.")
    if said.intervals and choice.interval not in said.intervals:
        raise Invalid(f"“{said.name}” is paid by the {' or '.join(said.intervals)}.")
    if not said.intervals and choice.interval:
        raise Invalid(f"“{said.name}” has no base fee, so it is not paid by the {choice.interval}.")
    if not said.seats_included <= choice.seats <= said.seats_most:
        raise Invalid(_seats_of(said))


def words(choice: Choice) -> str:
    """“Team” with 11 seats, where their number can be chosen, and else “Free”."""
    said = choice.offer.document
    has_choice = said.seats_most > said.seats_included
    return f"“{said.name}”" + (f" with {count_of_seats(choice.seats)}" if has_choice else "")


def count_of_seats(seats: int) -> str:
    """“1 seat”, “11 seats”."""
    return f"{seats} {'seat' if seats == 1 else 'seats'}"


def is_same(subscription: Subscription, choice: Choice) -> bool:
    """Whether that is what it is on, with nothing else planned."""
    return subscription.next_at is None and (
        (subscription.plan_version_id, subscription.currency, subscription.interval, subscription.seats)
        == (choice.offer.version.id, choice.currency, choice.interval, choice.seats)
    )


def begins_at(subscription: Subscription, offer: Offer, choice: Choice, *, now: datetime) -> datetime:
    """Now for what costs as much or more, and when the present interval is over for what costs less, or what leaves a
    year that is paid for. offer: what it is on.
    """
    paid = _yearly_minor(offer.document, subscription.currency, subscription.interval, subscription.seats)
    leaves_a_year = subscription.interval == YEARLY and choice.interval != YEARLY
    takes_a_year = (
        subscription.interval == MONTHLY and choice.interval == YEARLY and offer.plan.id == choice.offer.plan.id
    )
    is_more = (choice.yearly_minor, _RANKS[choice.offer.document.kind]) >= (paid, _RANKS[offer.document.kind])
    if (is_more or takes_a_year) and not leaves_a_year:
        return now
    return intervals.around(now, interval=subscription.interval, anchor_at=subscription.anchor_at)[1]


def _seats_of(said: Document) -> str:
    if said.seats_most > said.seats_included:
        return f"“{said.name}” can have from {said.seats_included} to {said.seats_most} seats."
    if said.seats_included:
        return f"“{said.name}” has {count_of_seats(said.seats_included)}, and no more can be added."
    return f"“{said.name}” has no number of seats to choose."


def _yearly_minor(said: Document, currency: str, interval: str, seats: int) -> int:
    base = said.base.get(currency, {}).get(interval, 0)
    seat = said.seat.get(currency, {}).get(interval, 0)
    total = base + seat * max(0, seats - said.seats_included)
    return total * 12 if interval == MONTHLY else total
