"""Dividing a whole amount among several, to the minor unit. Pure."""

from collections.abc import Sequence

from app.billing.bill import Line
from app.plans.amounts import NANOS


def of_line(line: Line) -> list[int]:
    """What each part of a line is of its amount, in the order of the parts; of a line without parts, all of it."""
    return rounded(line.amount_minor, [part.nanos for part in line.parts]) if line.parts else [line.amount_minor]


def divide(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """Whole minor units in proportion to the weights (0 or more), which add up to the amount; nobody is more than one
    unit away from the exact share. What is left of a unit goes to the largest remainders, then to who comes first.

    To take back a part of what was shared, divide that by what each still has: then nobody gives back more.

    Raises ValueError for anything below 0, and for an amount that nobody has a weight for.
    """
    whole = sum(weights)
    if amount_minor < 0 or any(weight < 0 for weight in weights) or (amount_minor and not whole):
        raise ValueError("Only what is there can be divided, among somebody.")
    if not whole:
        return [0] * len(weights)
    shares, rests = zip(*[divmod(amount_minor * weight, whole) for weight in weights], strict=True)
    order = sorted(range(len(weights)), key=lambda place: (-rests[place], place))
    lucky = set(order[: amount_minor - sum(shares)])
    return [share + (place in lucky) for place, share in enumerate(shares)]


def rounded(amount_minor: int, nanos: Sequence[int]) -> list[int]:
    """Parts of a rounded amount in whole minor units, which add up to it; each is its nanos, rounded up or down. Up for
    the largest remainders, then for who comes first. Parts may be below zero.

    Raises ValueError where the parts do not come to the amount, rounded.
    """
    shares, rests = [one // NANOS for one in nanos], [one % NANOS for one in nanos]
    missing = amount_minor - sum(shares)
    if not 0 <= missing <= sum(map(bool, rests)):
        raise ValueError("The parts do not come to the amount.")
    order = sorted(range(len(rests)), key=lambda place: (-rests[place], place))
    lucky = set(order[:missing])
    return [share + (place in lucky) for place, share in enumerate(shares)]
