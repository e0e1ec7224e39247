"""A month's bill: from stays on plans, prices and quantities to lines in integers. Pure, and the only place where it is
made: page, files, preview, what-if and reconciliation all show these lines.

A line is what one of Stripe's meters counts (app/billing/meters.py), so that each is rounded once, and as there. What
lines mean, and how to do them again: docs/statement.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from app.billing import meters
from app.plans import amounts, intervals, metrics, rating
from app.plans.models import YEARLY
from app.plans.rating import Scheme

USAGE, OWN, MINIMUM, BASE, SEATS = "usage", "own", "minimum", "base", "seats"
KINDS = (USAGE, OWN, MINIMUM, BASE, SEATS)
_SHORT = 12

Period = tuple[datetime, datetime]
"""[start, end)."""

Quantities = Mapping[UUID, Mapping[str, int]]
"""Price version to metric to how much was charged for in the month."""


@dataclass(frozen=True, slots=True)
class Priced:
    """A price version as bills need it. schemes: metric to scheme. is_own: an integration's own, not a plan's.
    is_prepaid: of a plan that is paid from credit.
    """

    version_id: UUID
    label: str
    currency: str
    schemes: Mapping[str, Scheme]
    is_own: bool = False
    is_prepaid: bool = False


@dataclass(frozen=True, slots=True)
class Stay:
    """A subscription with a base fee. base_minor: of an interval; seat_minor: of one of seats_extra, likewise."""

    subscription_id: UUID
    plan_version_id: UUID
    plan: str
    currency: str
    interval: str
    begins_at: datetime
    ends_at: datetime | None
    anchor_at: datetime
    base_minor: int
    seat_minor: int
    seats_extra: int


@dataclass(frozen=True, slots=True)
class Part:
    """What one metric of one price version adds to a line."""

    version_id: UUID
    label: str
    metric: str
    quantity: int
    nanos: int


@dataclass(frozen=True, slots=True)
class Fee:
    """How a base fee's line came about: [the line's period) of the interval `whole`, of fee_minor times the quantity.
    A line with is_back gives back what was paid for a part that was not used.
    """

    plan_version_id: UUID
    interval: str
    fee_minor: int
    whole: Period
    is_back: bool


@dataclass(frozen=True, slots=True)
class Line:
    """key: names it in addresses; the same whenever the bill is made again. metric: "" for several and for fees.
    quantity: of the metric, or of seats. nanos: before rounding. [begins_at, ends_at): what it is for.
    """

    key: str
    kind: str
    description: str
    currency: str
    metric: str
    quantity: int
    nanos: int
    amount_minor: int
    begins_at: datetime
    ends_at: datetime
    parts: tuple[Part, ...] = ()
    fee: Fee | None = None
    is_prepaid: bool = False

    @property
    def version_ids(self) -> tuple[UUID, ...]:
        """Of the prices by which its calls were charged."""
        return tuple(dict.fromkeys(part.version_id for part in self.parts))


@dataclass(frozen=True, slots=True)
class Credit:
    """Something that pays for a part of a bill, in whole minor units, 0 or more."""

    description: str
    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Total:
    """Of one currency: due = subtotal - the credits, of each of which at most what is left was used."""

    currency: str
    subtotal_minor: int
    credits: tuple[Credit, ...]
    due_minor: int


@dataclass(frozen=True, slots=True)
class Statement:
    """One organisation's bill for [begins_at, ends_at), a calendar month in UTC; fees first, then use."""

    begins_at: datetime
    ends_at: datetime
    lines: tuple[Line, ...]
    totals: tuple[Total, ...]


def of_month(
    *,
    begins_at: datetime,
    ends_at: datetime,
    priced: Sequence[Priced],
    quantities: Quantities,
    stays: Iterable[Stay] = (),
    credit: Sequence[Credit] = (),
) -> Statement:
    """The bill. priced: every version that was used, and those whose minimum counts, in the order of the lines."""
    period = (begins_at, ends_at)
    lines = [line for stay in stays for line in fees(stay, begins_at=begins_at, ends_at=ends_at)]
    for one in priced:
        if not one.is_own:
            lines += _of_charge(one, quantities.get(one.version_id, {}), period)
    lines += _of_own([one for one in priced if one.is_own], quantities, period)
    return Statement(begins_at, ends_at, tuple(lines), totals(lines, credit))


def totals(lines: Iterable[Line], credit: Sequence[Credit] = ()) -> tuple[Total, ...]:
    """Of each currency by itself, in alphabetical order. What prepaid plans charge was taken from credit already."""
    found = list(lines)
    made: list[Total] = []
    for currency in sorted({line.currency for line in found}):
        mine = [line for line in found if line.currency == currency]
        prepaid = sum(line.amount_minor for line in mine if line.is_prepaid)
        taken = [Credit("Taken from your credit", currency, prepaid)] if prepaid else []
        subtotal = sum(line.amount_minor for line in mine)
        made.append(settled(currency, subtotal, [*taken, *(one for one in credit if one.currency == currency)]))
    return tuple(made)


def settled(currency: str, subtotal_minor: int, credit: Iterable[Credit]) -> Total:
    """Use each credit in its order, none beyond what is left to pay: credits + due = subtotal, always."""
    left, used = subtotal_minor, []
    for one in credit:
        taken = max(0, min(one.amount_minor, left))
        if taken:
            used.append(Credit(one.description, currency, taken))
            left -= taken
    return Total(currency, subtotal_minor, tuple(used), left)


def fees(stay: Stay, *, begins_at: datetime, ends_at: datetime) -> list[Line]:
    """The base fee's lines in [begins_at, ends_at), a month: where its interval begins, for all of it; and in
    a later one what comes back, where a year ends early. So the bill for a month that is over never changes.
    """
    last = ends_at - (ends_at - begins_at) // 2
    whole = intervals.around(last, interval=stay.interval, anchor_at=stay.anchor_at)
    starts = max(stay.begins_at, whole[0])
    is_over = stay.ends_at is not None and begins_at <= stay.ends_at < ends_at
    if begins_at <= starts < ends_at:
        until = stay.ends_at if stay.ends_at is not None and is_over else whole[1]
        return _fee_lines(stay, (starts, until), whole, is_back=False) if until > starts else []
    if stay.interval == YEARLY and is_over and stay.ends_at is not None and starts < stay.ends_at < whole[1]:
        return _fee_lines(stay, (stay.ends_at, whole[1]), whole, is_back=True)
    return []


def key_of(version_id: UUID, what: str) -> str:
    """The key of a line by use."""
    return f"{version_id.hex[:_SHORT]}-{what}"


def _fee_lines(stay: Stay, period: Period, whole: Period, *, is_back: bool) -> list[Line]:
    found: list[Line] = []
    short = stay.subscription_id.hex[:_SHORT]
    for kind, each, quantity in ((BASE, stay.base_minor, 1), (SEATS, stay.seat_minor, stay.seats_extra)):
        minor = intervals.part_minor(each * quantity, *period, whole=whole)
        if not minor:
            continue
        minor = -minor if is_back else minor
        words = f"{stay.plan}, per {stay.interval}" if kind == BASE else f"{stay.plan}, further seats"
        fee = Fee(stay.plan_version_id, stay.interval, each, whole, is_back)
        nanos = minor * amounts.NANOS
        description = f"{words}: not used" if is_back else words
        key = f"{kind}-{short}{'-back' if is_back else ''}"
        found.append(Line(key, kind, description, stay.currency, "", quantity, nanos, minor, *period, fee=fee))
    return found


def _of_charge(priced: Priced, used: Mapping[str, int], period: Period) -> list[Line]:
    parts = [_part(priced, metric, scheme, used.get(metric, 0)) for metric, scheme in sorted(priced.schemes.items())]
    line = Line("", USAGE, priced.label, priced.currency, "", 0, 0, 0, *period, is_prepaid=priced.is_prepaid)
    lines: list[Line] = []
    if all(meters.is_natural(scheme) for scheme in priced.schemes.values()):
        for part in parts:
            key = key_of(priced.version_id, part.metric)
            label = priced.label if len(parts) == 1 else f"{priced.label}: {metrics.WORDS[part.metric][1]}"
            lines += _usage(replace(line, key=key, description=label), [part])
    else:
        lines += _usage(replace(line, key=key_of(priced.version_id, "amount")), parts)
    for part in parts:
        missing = priced.schemes[part.metric].minimum_nanos - part.nanos
        if missing > 0:
            key = key_of(priced.version_id, f"{part.metric}-minimum")
            words = f"{priced.label}: up to the least of a month"
            found = replace(line, key=key, kind=MINIMUM, description=words)
            lines += _usage(found, [replace(part, quantity=0, nanos=missing)])
    return lines


def _of_own(priced: Sequence[Priced], quantities: Quantities, period: Period) -> list[Line]:
    """One line for all integrations with prices of their own, as they are one meter at Stripe."""
    lines: list[Line] = []
    for currency in sorted({one.currency for one in priced}):
        parts = [
            _part(one, metric, scheme, quantities.get(one.version_id, {}).get(metric, 0))
            for one in priced
            if one.currency == currency
            for metric, scheme in sorted(one.schemes.items())
        ]
        label = meters.of_own_prices(currency).label
        line = Line(f"own-{currency}", OWN, label, currency, "", 0, 0, 0, *period)
        lines += _usage(line, [part for part in parts if part.quantity])
    return lines


def _part(priced: Priced, metric: str, scheme: Scheme, quantity: int) -> Part:
    return Part(priced.version_id, priced.label, metric, quantity, rating.usage(quantity, scheme))


def _usage(line: Line, parts: Sequence[Part]) -> list[Line]:
    """The line with these parts; nothing when they come to nothing. Here, and nowhere else, use is rounded."""
    if not any(part.quantity or part.nanos for part in parts):
        return []
    names = {part.metric for part in parts}
    metric = names.pop() if len(names) == 1 else ""
    quantity = sum(part.quantity for part in parts) if metric else 0
    nanos = sum(part.nanos for part in parts)
    amount = amounts.to_minor(nanos)
    return [replace(line, metric=metric, quantity=quantity, nanos=nanos, amount_minor=amount, parts=tuple(parts))]
