"""Rating is a pure function of quantity and scheme (invariants I4 to I7)."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import Invalid
from app.plans import rating
from app.plans.rating import Scheme, Tier

quantities = st.integers(0, 5_000)
prices = st.integers(0, 10**12)


@st.composite
def tiers(draw):
    ends = sorted(draw(st.sets(st.integers(1, 3_000), max_size=4)))
    return tuple(Tier(end, draw(prices), draw(st.integers(0, 10**9))) for end in [*ends, None])


@st.composite
def schemes(draw, kinds=rating.KINDS):
    kind = draw(st.sampled_from(kinds))
    return Scheme(
        kind,
        nanos=draw(prices),
        tiers=draw(tiers()) if kind in (rating.GRADUATED, rating.VOLUME) else (),
        package=draw(st.integers(1, 500)),
        free=draw(st.sampled_from([0, 0, 1, 100])),
        minimum_nanos=draw(st.sampled_from([0, 0, 10**10])),
    )


@given(schemes(), st.lists(st.integers(0, 300), max_size=30))
def test_i4_i6_the_marginals_of_any_batches_add_up_to_the_total(scheme, batches):
    before, total = 0, rating.rate(0, scheme)
    for n in batches:
        total += rating.marginal(before, n, scheme)
        before += n

    assert total == rating.rate(sum(batches), scheme)


@given(schemes(kinds=[rating.PER_UNIT, rating.GRADUATED, rating.PACKAGE]), quantities, quantities)
def test_i5_more_never_costs_less_except_by_volume(scheme, quantity, more):
    assert rating.rate(quantity, scheme) <= rating.rate(quantity + more, scheme)


@given(tiers())
def test_i5_graduated_prices_are_continuous_at_the_edges(found):
    scheme = Scheme(rating.GRADUATED, tiers=found)
    for tier, following in pairwise(found):
        last = rating.marginal(tier.up_to - 1, 1, scheme)
        first = rating.marginal(tier.up_to, 1, scheme)

        begins_here = tier.flat_nanos if tier.up_to - 1 in {0, *[other.up_to for other in found]} else 0
        assert last == tier.nanos_per_unit + begins_here
        assert first == following.nanos_per_unit + following.flat_nanos


@given(tiers(), quantities)
def test_i5_volume_prices_drop_at_an_edge_only(found, quantity):
    scheme = Scheme(rating.VOLUME, tiers=found)
    if quantity not in {tier.up_to for tier in found}:
        assert rating.marginal(quantity, 1, scheme) >= 0


@given(st.integers(0, 2_000), st.integers(1, 300), prices)
def test_i5_each_begun_package_counts(units, package, nanos):
    assert (
        rating.rate(units, Scheme(rating.PACKAGE, nanos, package=package)) == (units + package - 1) // package * nanos
    )


@given(quantities, quantities, prices, st.integers(0, 1_000))
def test_i7_the_free_allowance_is_used_once_however_the_period_is_split(a, b, nanos, free):
    scheme = Scheme(nanos=nanos, free=free)

    assert rating.rate(a, scheme) + rating.marginal(a, b, scheme) == max(0, a + b - free) * nanos


@given(quantities, quantities, prices)
def test_i6_splitting_a_period_never_changes_a_per_unit_total(a, b, nanos):
    scheme = Scheme(nanos=nanos)

    assert rating.rate(a, scheme) + rating.rate(b, scheme) == rating.rate(a + b, scheme)


@given(schemes(), quantities)
def test_a_period_costs_at_least_its_minimum_and_nothing_is_below_zero(scheme, quantity):
    assert rating.rate(quantity, scheme) >= scheme.minimum_nanos


@given(schemes())
def test_what_is_stored_is_read_back(scheme):
    assert rating.from_json(rating.as_json(scheme)) == scheme


@given(schemes(), st.lists(st.integers(-40, 300), max_size=30))
def test_b16_corrections_below_zero_cost_nothing_and_are_made_up_for_first(scheme, batches):
    before, total = 0, 0
    for n in batches:
        total += rating.change(before, n, scheme)
        before += n

    assert total == rating.usage(before, scheme)
    assert rating.usage(min(before, 0), scheme) == 0


@given(schemes(), st.integers(0, 400), st.lists(quantities, min_size=1, max_size=8))
def test_i18_no_call_costs_more_than_its_ceiling(scheme, most, befores):
    ceiling = rating.ceiling(most, scheme)
    ends = [scheme.free, *[scheme.free + (tier.up_to or 0) for tier in scheme.tiers]]

    for before in [*befores, *ends, *[max(0, end - most) for end in ends]]:
        for n in {0, 1, most // 2, most}:
            assert rating.change(before, min(n, most), scheme) <= ceiling


@given(prices, quantities, st.integers(0, 400))
def test_i18_what_has_a_fixed_price_costs_what_was_quoted(nanos, before, n):
    scheme = Scheme(nanos=nanos)

    assert rating.change(before, n, scheme) == rating.ceiling(n, scheme)


@settings(max_examples=30)
@given(schemes(), st.integers(0, 12))
def test_a_ceiling_is_met_by_some_call(scheme, most):
    ends = [0, *[tier.up_to for tier in scheme.tiers if tier.up_to is not None]]
    befores = {max(0, scheme.free + end + step) for end in ends for step in range(-most - 1, 2)}
    found = {rating.change(before, n, scheme) for before in befores for n in range(most + 1)}

    assert rating.ceiling(most, scheme) == max(found)


@pytest.mark.parametrize("kind", rating.KINDS)
def test_a_period_without_use_costs_nothing_but_the_minimum(kind):
    found = (Tier(10, 5, 7), Tier(None, 3)) if kind in (rating.GRADUATED, rating.VOLUME) else ()

    assert rating.rate(0, Scheme(kind, 5, found)) == 0
    assert rating.rate(0, Scheme(kind, 5, found, minimum_nanos=9)) == 9


@pytest.mark.parametrize(
    "scheme",
    [
        Scheme("by_mood"),
        Scheme(nanos=-1),
        Scheme(nanos=1.5),
        Scheme(rating.PACKAGE, 1, package=0),
        Scheme(rating.GRADUATED),
        Scheme(rating.PER_UNIT, tiers=(Tier(None, 1),)),
        Scheme(rating.GRADUATED, tiers=(Tier(5, 1),)),
        Scheme(rating.VOLUME, tiers=(Tier(5, 1), Tier(5, 1), Tier(None, 1))),
        Scheme(rating.VOLUME, tiers=(Tier(None, 1), Tier(None, 1))),
        Scheme(rating.VOLUME, tiers=(Tier(5, -1), Tier(None, 1))),
    ],
)
def test_what_could_not_be_meant_is_refused(scheme):
    with pytest.raises(Invalid):
        rating.from_json(rating.as_json(scheme))


def test_a_negative_quantity_is_a_mistake():
    with pytest.raises(ValueError, match="negative"):
        rating.rate(-1, Scheme())
