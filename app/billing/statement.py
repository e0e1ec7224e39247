"""A month's bill: from stays on plans, prices and quantities to lines in integers. Pure, and the only place where it is
made: page, files, preview, what-if and reconciliation all show these lines.

A line is what one of Stripe's meters counts (app/billing/meters.py), so that each is rounded once, and as there. What
lines mean, and how to do them again: docs/statement.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from app.billing import fees, meters
from app.billing.bill import (
    FROM_CREDIT,
    MINIMUM,
    OWN,
    SHORT,
    USAGE,
    Credit,
    Line,
    Part,
    Period,
    Priced,
    Quantities,
    Statement,
    Stay,
    Total,
)
from app.plans import amounts, metrics, rating
from app.plans.rating import Scheme

_NOTHING: Quantities = {}


def of_month(
    *,
    begins_at: datetime,
    ends_at: datetime,
    priced: Sequence[Priced],
    quantities: Quantities,
    stays: Iterable[Stay] = (),
    credit: Sequence[Credit] = (),
    taken: Quantities = _NOTHING,
) -> Statement:
    """The bill. priced: every version that was used, and those whose minimum counts, in the order of the lines. taken:
    how much of what integrations charge by prices of their own was used on a prepaid plan.
    """
    period = (begins_at, ends_at)
    lines = fees.of_month(stays, begins_at=begins_at, ends_at=ends_at)
    for one in priced:
        if not one.is_own:
            lines += _of_charge(one, quantities.get(one.version_id, {}), period)
    own = [one for one in priced if one.is_own]
    lines += _of_own(own, quantities, period)
    rest = _of_own(own, _less(quantities, taken), period) if taken else None
    return Statement(begins_at, ends_at, tuple(lines), totals(lines, credit, own_rest=rest))


def totals(
    lines: Iterable[Line], credit: Sequence[Credit] = (), *, own_rest: Sequence[Line] | None = None
) -> tuple[Total, ...]:
    """Of each currency by itself, in alphabetical order. What prepaid plans charge was taken from credit already.

    own_rest: the lines of integrations' own prices as they would be without what was taken from credit; None for as
    they are.
    """
    found = list(lines)
    made: list[Total] = []
    for currency in sorted({line.currency for line in found}):
        mine = [line for line in found if line.currency == currency]
        prepaid = sum(line.amount_minor for line in mine if line.is_prepaid)
        if own_rest is not None:
            own = sum(line.amount_minor for line in mine if line.kind == OWN)
            prepaid += max(0, own - sum(line.amount_minor for line in own_rest if line.currency == currency))
        taken = [Credit("Taken from your credit", currency, prepaid, FROM_CREDIT)] if prepaid else []
        subtotal = sum(line.amount_minor for line in mine)
        made.append(settled(currency, subtotal, [*taken, *(one for one in credit if one.currency == currency)]))
    return tuple(made)


def settled(currency: str, subtotal_minor: int, credit: Iterable[Credit]) -> Total:
    """Use each credit in its order, none beyond what is left to pay: credits + due = subtotal, always."""
    left, used = subtotal_minor, []
    for one in credit:
        taken = max(0, min(one.amount_minor, left))
        if taken:
            used.append(replace(one, amount_minor=taken))
            left -= taken
    return Total(currency, subtotal_minor, tuple(used), left)


def key_of(version_id: UUID, what: str) -> str:
    """The key of a line by use."""
    return f"{version_id.hex[:SHORT]}-{what}"


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
        missing = _missing(priced.schemes[part.metric], part)
        if missing > 0:
            key = key_of(priced.version_id, f"{part.metric}-minimum")
            words = f"{priced.label}: up to the least of a month"
            found = replace(line, key=key, kind=MINIMUM, description=words)
            lines += _usage(found, [replace(part, quantity=0, nanos=missing)])
    return lines


def _missing(scheme: Scheme, part: Part) -> int:
    """What is missing up to the minimum, in nanos: the difference of whole minor units, so that both together come to
    the minimum and not to a cent more.
    """
    return (amounts.to_minor(scheme.minimum_nanos) - amounts.to_minor(part.nanos)) * amounts.NANOS


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


def _less(quantities: Quantities, taken: Quantities) -> Quantities:
    return {
        version_id: {metric: quantity - taken.get(version_id, {}).get(metric, 0) for metric, quantity in used.items()}
        for version_id, used in quantities.items()
    }


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
