"""Rating: from a quantity and a price scheme to money, in integer nano-minor-units. Pure, so that anybody can redo it.

The quantity is a period's aggregate. The same quantity costs the same in whatever order and groups it came.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.core.errors import Invalid

PER_UNIT = "per_unit"
GRADUATED = "graduated"
VOLUME = "volume"
PACKAGE = "package"
KINDS = (PER_UNIT, GRADUATED, VOLUME, PACKAGE)


@dataclass(frozen=True, slots=True)
class Tier:
    """up_to: the last unit (counted from one) that it prices, None for all the rest. flat_nanos: once, when the tier is
    reached.
    """

    up_to: int | None
    nanos_per_unit: int
    flat_nanos: int = 0


@dataclass(frozen=True, slots=True)
class Scheme:
    """How an aggregate is priced.

    kind: per_unit takes nanos; graduated prices each unit by the tier that it falls into; volume prices all units by
    the tier that the last one falls into; package takes nanos for each begun `package` units. free: units that cost
    nothing, once per period, before any other counts. minimum_nanos: what a period costs at least, used or not.
    """

    kind: str = PER_UNIT
    nanos: int = 0
    tiers: tuple[Tier, ...] = ()
    package: int = 1
    free: int = 0
    minimum_nanos: int = 0


def rate(quantity: int, scheme: Scheme) -> int:
    """What `quantity` units of one period cost. Raises ValueError for a negative quantity."""
    if quantity < 0:
        raise ValueError("A period's quantity cannot be negative; clamp corrections once, and carry the rest.")
    return max(scheme.minimum_nanos, _usage(max(0, quantity - scheme.free), scheme))


def marginal(quantity_before: int, n: int, scheme: Scheme) -> int:
    """What `n` more units cost after `quantity_before` in the same period; below zero only where a volume tier ends."""
    return rate(quantity_before + n, scheme) - rate(quantity_before, scheme)


def usage(quantity: int, scheme: Scheme) -> int:
    """What `quantity` units of one period cost without its minimum, which is a line of its own on a bill.

    Corrections may bring a period below zero: that costs nothing, and what comes next makes up for it first.
    """
    return _usage(max(0, quantity - scheme.free), scheme)


def change(quantity_before: int, n: int, scheme: Scheme) -> int:
    """What `n` more units (or fewer) after `quantity_before` add to `usage`: what an event costs at its commit."""
    return usage(quantity_before + n, scheme) - usage(quantity_before, scheme)


def ceiling(n: int, scheme: Scheme) -> int:
    """The most that `change` can be for up to `n` units, wherever in the period they come; at least 0.

    A cost is made of straight pieces, so the most is where one of the two ends of those units meets the end of one.
    """
    if scheme.kind == PER_UNIT:
        return n * scheme.nanos
    if scheme.kind == PACKAGE:
        return -(-n // scheme.package) * scheme.nanos
    ends = [scheme.free, *[scheme.free + tier.up_to for tier in scheme.tiers if tier.up_to is not None]]
    edges = sorted({edge + step for edge in ends for step in (0, 1)})
    befores = {0, *[max(0, edge - n) for edge in edges], *edges}
    pairs = {(before, before + n) for before in befores}
    pairs |= {(before, edge) for before in befores for edge in edges if before <= edge <= before + n}
    return max(0, *[usage(after, scheme) - usage(before, scheme) for before, after in pairs])


def as_json(scheme: Scheme) -> dict[str, Any]:
    """The scheme as it is stored and digested; from_json reads it."""
    return {
        "kind": scheme.kind,
        "nanos": scheme.nanos,
        "tiers": [[tier.up_to, tier.nanos_per_unit, tier.flat_nanos] for tier in scheme.tiers],
        "package": scheme.package,
        "free": scheme.free,
        "minimum_nanos": scheme.minimum_nanos,
    }


def from_json(stored: Mapping[str, Any]) -> Scheme:
    """Raises Invalid for what is not a scheme."""
    try:
        scheme = Scheme(
            kind=stored["kind"],
            nanos=stored["nanos"],
            tiers=tuple(Tier(*tier) for tier in stored["tiers"]),
            package=stored["package"],
            free=stored["free"],
            minimum_nanos=stored["minimum_nanos"],
        )
    except (KeyError, TypeError):
        raise Invalid("That is not a price scheme.") from None
    check(scheme)
    return scheme


def check(scheme: Scheme) -> None:
    """Raises Invalid for a scheme that could not be meant: below zero, without an end, or with tiers out of order."""
    numbers = [scheme.nanos, scheme.free, scheme.minimum_nanos]
    numbers += [number for tier in scheme.tiers for number in (tier.nanos_per_unit, tier.flat_nanos)]
    if scheme.kind not in KINDS or any(type(number) is not int or number < 0 for number in numbers):
        raise Invalid("A price is a whole number of nano-minor-units, zero or more.")
    if type(scheme.package) is not int or scheme.package < 1:
        raise Invalid("A package holds at least one unit.")
    if (scheme.kind in (GRADUATED, VOLUME)) != bool(scheme.tiers):
        raise Invalid("Graduated and volume prices have tiers, others have none.")
    if scheme.tiers:
        _check_tiers(scheme.tiers)


def _check_tiers(tiers: Sequence[Tier]) -> None:
    ends = [tier.up_to for tier in tiers[:-1]]
    if tiers[-1].up_to is not None or None in ends:
        raise Invalid("The last tier, and only that, is without an end.")
    known = [0, *[end for end in ends if end is not None]]
    if any(type(end) is not int for end in known) or sorted(set(known)) != known:
        raise Invalid("Each tier must end after the one before it.")


def _usage(units: int, scheme: Scheme) -> int:
    if scheme.kind == PACKAGE:
        return -(-units // scheme.package) * scheme.nanos
    if scheme.kind == GRADUATED:
        return _graduated(units, scheme.tiers)
    if scheme.kind == VOLUME:
        return _volume(units, scheme.tiers)
    return units * scheme.nanos


def _graduated(units: int, tiers: Sequence[Tier]) -> int:
    total, begins = 0, 0
    for tier in tiers:
        if units <= begins:
            break
        ends = units if tier.up_to is None else min(units, tier.up_to)
        total += tier.flat_nanos + (ends - begins) * tier.nanos_per_unit
        begins = ends
    return total


def _volume(units: int, tiers: Sequence[Tier]) -> int:
    if units == 0:
        return 0
    tier = next(tier for tier in tiers if tier.up_to is None or units <= tier.up_to)
    return tier.flat_nanos + units * tier.nanos_per_unit
