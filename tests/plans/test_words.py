"""Prices in words that can be read in one way only: what they say is what is charged."""

import pytest

from app.plans import rating, words
from app.plans.rating import GRADUATED, PACKAGE, VOLUME, Scheme, Tier

CENT = 10**9
TIERS = (Tier(99_000, CENT // 5), Tier(999_000, CENT * 12 // 100), Tier(None, CENT * 6 // 100))
EDGE = (Tier(10, CENT, 5 * CENT), Tier(None, CENT // 2))
CASES = [
    (Scheme(nanos=CENT), "$0.01 per call"),
    (Scheme(nanos=CENT, free=1), "first 1 call free, then $0.01 per call"),
    (
        Scheme(GRADUATED, tiers=TIERS, free=1_000),
        "first 1,000 calls free, then $0.002 per call for the next 99,000, $0.0012 for the next 900,000, "
        "and $0.0006 beyond",
    ),
    (
        Scheme(GRADUATED, tiers=TIERS),
        "$0.002 per call for the first 99,000, $0.0012 for the next 900,000, and $0.0006 beyond",
    ),
    (Scheme(GRADUATED, tiers=EDGE), "$0.01 per call for the first 10 (plus $0.05 once), and $0.005 beyond"),
    (
        Scheme(GRADUATED, tiers=(Tier(None, CENT),), free=3, minimum_nanos=500 * CENT),
        "first 3 calls free, then $0.01 per call; at least $5.00 a month",
    ),
    (
        Scheme(VOLUME, tiers=EDGE),
        "one price for all calls: $0.01 each (plus $0.05 once) if they are at most 10, and $0.005 if more",
    ),
    (
        Scheme(VOLUME, tiers=TIERS, free=1_000),
        "first 1,000 calls free, then one price for all further calls: $0.002 each if they are at most 99,000, "
        "$0.0012 if at most 999,000, and $0.0006 if more",
    ),
    (Scheme(PACKAGE, nanos=CENT, package=1_000), "$0.01 for each 1,000 calls, or part of them"),
    (
        Scheme(PACKAGE, nanos=CENT, package=1_000, free=5),
        "first 5 calls free, then $0.01 for each further 1,000 calls, or part of them",
    ),
]


@pytest.mark.parametrize(("scheme", "said"), CASES, ids=[said for _, said in CASES])
def test_a_price_is_said_so_that_it_can_be_read_in_one_way_only(scheme, said):
    assert words.scheme(scheme, "calls", currency="usd") == said


def test_the_call_from_which_a_tier_is_cheaper_is_the_one_that_the_words_lead_to():
    scheme = Scheme(GRADUATED, tiers=TIERS, free=1_000)

    assert [rating.marginal(calls, 1, scheme) for calls in (999, 1_000, 99_999, 100_000, 999_999, 1_000_000)] == [
        0, CENT // 5, CENT // 5, CENT * 12 // 100, CENT * 12 // 100, CENT * 6 // 100,
    ]  # fmt: skip
