"""What was chosen on a page, from its fields; what is missing is as it would usually be."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from app.core import uuids
from app.core.errors import Conflict, Invalid
from app.plans.choosing import Choice
from app.plans.queries import Offer, Standing

FRESH = timedelta(minutes=30)
"""For how long amounts that were shown are held to."""
MOST_COUNT = 1_000_000_000
USUAL_CALLS = 20_000
TERMS, TODAYS = "terms", "todays"
"""The field, and its value, by which somebody leaves the version of their plan that they are on for today's."""


def choice(fields: Mapping[str, str], offer: Offer, standing: Standing | None) -> Choice:
    """fields: currency, interval and seats, each of which may be missing. What the plan does not offer is left to
    choosing.check. Raises Invalid for seats that are no number.
    """
    said = offer.document
    held = standing.subscription if standing is not None else None
    currency = (held.currency if held is not None else "") or fields.get("currency", "")
    if currency not in said.currencies:
        currency = usual_currency(said.currencies)
    interval = fields.get("interval") or (held.interval if held is not None else "")
    if interval not in said.intervals:
        interval = said.intervals[0] if said.intervals else ""
    is_held = held is not None and standing is not None and standing.offer.plan.id == offer.plan.id
    usual = held.seats if held is not None and is_held else said.seats_included
    seats = whole(fields["seats"]) if fields.get("seats") else min(max(usual, said.seats_included), said.seats_most)
    return Choice(offer, currency, interval, seats)


def usual_currency(currencies: tuple[str, ...]) -> str:
    """Dollars where they are taken, "" where nothing is."""
    return "usd" if "usd" in currencies else currencies[0] if currencies else ""


def wrong_seats(fields: Mapping[str, str], offer: Offer) -> str:
    """What is wrong with the seats that somebody typed, in words; "" for nothing."""
    said, text = offer.document, fields.get("seats", "")
    try:
        is_fine = not text or said.seats_included <= whole(text, such_as=str(said.seats_most)) <= said.seats_most
    except Invalid as problem:
        return problem.message
    return "" if is_fine else f"Choose from {said.seats_included} to {said.seats_most} seats."


def whole(text: str, *, such_as: str = "20,000") -> int:
    """A number from 0 on, as people write them: “20,000”. Raises Invalid, in words, for what is none."""
    plain = text.replace(",", "").replace(" ", "")
    if not (plain.isascii() and plain.isdigit()):
        said = f"“{text.strip()[:40]}” is not a whole number. " if text.strip() else ""
        raise Invalid(f"{said}Write it in figures, such as {such_as}.")
    if len(plain) > len(str(MOST_COUNT)) or int(plain) > MOST_COUNT:
        raise Invalid(f"Write at most {MOST_COUNT:,}.")
    return int(plain)


def visit(fields: Mapping[str, str]) -> UUID:
    """Which page this was sent from. Raises Conflict for none."""
    found = uuids.read(fields.get("visit", ""))
    if found is None:
        raise Conflict("This page is out of date. Look at it again, then choose.")
    return found


def shown_at(fields: Mapping[str, str]) -> datetime | None:
    """For which moment amounts were shown; None where that is not said."""
    try:
        return datetime.fromisoformat(fields.get("at", ""))
    except ValueError:
        return None


def fresh(at: datetime | None, *, since: datetime, now: datetime) -> datetime:
    """The same, if it holds. Raises Conflict if that is too long ago, or before the last change."""
    if at is None or at.tzinfo is None or not max(since, now - FRESH) <= at <= now:
        raise Conflict("These amounts are out of date. Look at the plan again before you agree.")
    return at


def new_visit() -> UUID:
    """For a page that is about to be shown."""
    return uuid4()
