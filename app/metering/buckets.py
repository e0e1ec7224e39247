"""How long calls took, as counts in fixed buckets: they add up over hours, keys and tools, which percentiles do not.

Each bound is about 1.6 times the one before (the Renard series R5), so that five of them make a factor of ten. A
percentile read from the counts is inside the right bucket, always; within it calls are taken to be spread evenly. So it
is off by at most the width of its bucket, up to 60 % of the true figure and in practice a tenth of that, and never more
than 1 ms below 1 ms. Above the last bound nothing is known but that it was longer.
"""

from collections.abc import Sequence

BOUNDS_US = (
    *(1_000, 1_600, 2_500, 4_000, 6_300),
    *(10_000, 16_000, 25_000, 40_000, 63_000),
    *(100_000, 160_000, 250_000, 400_000, 630_000),
    *(1_000_000, 1_600_000, 2_500_000, 4_000_000, 6_300_000),
    *(10_000_000, 16_000_000, 25_000_000, 40_000_000, 60_000_000),
)
"""The longest duration that each bucket holds; one more holds all that is longer. Reversals are in none."""
COUNT = len(BOUNDS_US) + 1
NAMES = tuple(f"took_{number:02}" for number in range(COUNT))
"""Of the columns."""


def percentile_us(counts: Sequence[int], percent: int) -> int | None:
    """The duration within which so many in 100 of the calls ended, in microseconds; None when there are none.

    counts: one for each bucket. For what is beyond the last bound, that bound.
    """
    total = sum(counts)
    if total <= 0:
        return None
    wanted, below, lower = percent * total, 0, 0
    for count, upper in zip(counts, BOUNDS_US, strict=False):
        if count > 0 and 100 * (below + count) >= wanted:
            return lower + (upper - lower) * max(0, wanted - 100 * below) // (100 * count)
        below, lower = below + count, upper
    return BOUNDS_US[-1]
