"""What Stripe is told about a price makes it charge what we charge, to the last billionth of a minor unit."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.billing import meters
from app.billing.meters import Meter
from app.plans import rating
from app.plans.rating import GRADUATED, PACKAGE, PER_UNIT, VOLUME, Scheme, Tier

NANO = 10**9


def by_stripe(price, quantity):
    """What Stripe's documentation says that a price makes of a quantity, in minor units."""
    if price["billing_scheme"] == "per_unit":
        divided = price.get("transform_quantity")
        if divided:
            quantity = -(-quantity // divided["divide_by"])
        return Fraction(price["unit_amount_decimal"]) * quantity
    if price["tiers_mode"] == "volume":
        tier = next(tier for tier in price["tiers"] if tier["up_to"] == "inf" or quantity <= tier["up_to"])
        flat = Fraction(tier.get("flat_amount_decimal", 0)) if quantity else 0
        return Fraction(tier["unit_amount_decimal"]) * quantity + flat
    total, below = Fraction(0), 0
    for tier in price["tiers"]:
        if quantity <= below:
            break
        end = quantity if tier["up_to"] == "inf" else min(quantity, tier["up_to"])
        total += Fraction(tier["unit_amount_decimal"]) * (end - below) + Fraction(tier.get("flat_amount_decimal", 0))
        below = end
    return total


amounts = st.integers(0, 5 * NANO)


@st.composite
def schemes(draw):
    kind = draw(st.sampled_from([PER_UNIT, GRADUATED, VOLUME, PACKAGE]))
    free = draw(st.integers(0, 20)) if kind in (PER_UNIT, GRADUATED) else 0
    tiers = ()
    if kind in (GRADUATED, VOLUME):
        ends = sorted(draw(st.sets(st.integers(1, 40), max_size=3)))
        tiers = tuple(Tier(end, draw(amounts), draw(amounts)) for end in [*ends, None])
    plain = draw(amounts) if kind in (PER_UNIT, PACKAGE) else 0
    package = draw(st.integers(1, 10)) if kind == PACKAGE else 1
    return Scheme(kind=kind, nanos=plain, tiers=tiers, package=package, free=free)


@given(schemes(), st.integers(0, 80))
def test_stripe_charges_by_a_plans_scheme_what_we_charge(scheme, quantity):
    assert meters.is_natural(scheme)

    price = meters.price_of(Meter("postern_x_calls", "Calls", "usd", "calls", scheme))

    assert by_stripe(price, quantity) * NANO == rating.usage(quantity, scheme)


@pytest.mark.parametrize(
    "scheme",
    [
        Scheme(kind=PER_UNIT, nanos=1, minimum_nanos=5),
        Scheme(kind=PACKAGE, nanos=1, package=10, free=5),
        Scheme(kind=VOLUME, tiers=(Tier(None, 1),), free=5),
    ],
    ids=["minimum", "free units in packages", "free units by volume"],
)
def test_what_stripe_cannot_rate_is_told_as_money(scheme):
    assert not meters.is_natural(scheme)


def test_money_is_told_in_millionths_of_a_minor_unit():
    price = meters.price_of(meters.of_own_prices("usd"))

    assert by_stripe(price, 2_500_000) == Fraction(5, 2)
