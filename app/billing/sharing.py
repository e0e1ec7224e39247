"""Dividing a whole amount among several, to the minor unit. Pure."""

from collections.abc import Sequence

from app.billing.bill import Line


def of_line(line: Line) -> list[int]:
    """What each part of a line is of its amount, in the order of the parts; of a line without parts, all of it."""
    return divide(line.amount_minor, [part.nanos for part in line.parts]) if line.parts else [line.amount_minor]


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
