"""Amounts equal a naive model in fractions, rounded once."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.sandbox.stripe import arithmetic, calendar

QUANTITY = st.integers(0, 10**9)
UNIT = st.integers(0, 10**15).map(arithmetic.decimal_of)


def rounded(value):
    """Half away from zero."""
    return int(value + Fraction(1, 2)) if value >= 0 else -int(-value + Fraction(1, 2))


def flat(unit, **more):
    return {"billing_scheme": "per_unit", "unit_amount_decimal": unit, "transform_quantity": None, **more}


@st.composite
def tiers(draw):
    ends = sorted(draw(st.sets(st.integers(1, 10**6), max_size=4)))
    return [
        {"up_to": end, "unit_amount_decimal": draw(UNIT), "flat_amount_decimal": draw(st.none() | UNIT)}
        for end in [*ends, None]
    ]


def price_of_unit(number, steps):
    """The tier of the unit with that number, counted from one."""
    return next(tier for tier in steps if tier["up_to"] is None or number <= tier["up_to"])


@settings(max_examples=60)
@given(unit=UNIT, quantity=QUANTITY)
def test_per_unit_is_the_product_rounded_once(unit, quantity):
    assert arithmetic.amount(flat(unit), quantity) == rounded(Fraction(unit) * quantity)


@settings(max_examples=60)
@given(unit=UNIT, quantity=QUANTITY, size=st.integers(1, 10**6), round_=st.sampled_from(["up", "down"]))
def test_packages_are_whole(unit, quantity, size, round_):
    price = flat(unit, transform_quantity={"divide_by": size, "round": round_})
    packages = -(-quantity // size) if round_ == "up" else quantity // size

    assert arithmetic.amount(price, quantity) == rounded(Fraction(unit) * packages)


@settings(max_examples=80)
@given(steps=tiers(), quantity=st.integers(0, 2 * 10**6))
def test_graduated_prices_each_unit_by_its_tier(steps, quantity):
    expected, below = Fraction(0), 0
    for tier in steps:
        top = quantity if tier["up_to"] is None else min(quantity, tier["up_to"])
        if top > below:
            expected += (top - below) * Fraction(tier["unit_amount_decimal"]) + Fraction(
                tier["flat_amount_decimal"] or 0
            )
        below = max(below, tier["up_to"] or 0)
    price = {"billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": steps}

    assert arithmetic.amount(price, quantity) == rounded(expected)


@settings(max_examples=40)
@given(quantity=st.integers(0, 60))
def test_graduated_is_the_sum_of_its_units(quantity):
    steps = [
        {"up_to": 10, "unit_amount_decimal": "1.5", "flat_amount_decimal": "100"},
        {"up_to": 30, "unit_amount_decimal": "0.25", "flat_amount_decimal": None},
        {"up_to": None, "unit_amount_decimal": "0.1", "flat_amount_decimal": "7"},
    ]
    each = [Fraction(price_of_unit(number, steps)["unit_amount_decimal"]) for number in range(1, quantity + 1)]
    fees = [
        Fraction(steps[at]["flat_amount_decimal"] or 0) for at, first in enumerate((1, 11, 31)) if quantity >= first
    ]
    price = {"billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": steps}

    assert arithmetic.amount(price, quantity) == rounded(sum(each) + sum(fees))


@settings(max_examples=60)
@given(steps=tiers(), quantity=st.integers(0, 2 * 10**6))
def test_volume_prices_all_units_by_the_last_ones_tier(steps, quantity):
    tier = price_of_unit(quantity, steps)
    expected = quantity * Fraction(tier["unit_amount_decimal"]) + Fraction(tier["flat_amount_decimal"] or 0)
    price = {"billing_scheme": "tiered", "tiers_mode": "volume", "tiers": steps}

    assert arithmetic.amount(price, quantity) == (rounded(expected) if quantity else 0)


@settings(max_examples=60)
@given(unit=UNIT, cut=st.integers(0, 2_678_400))
def test_a_part_of_a_period_costs_its_share(unit, cut):
    month = 2_678_400

    assert arithmetic.amount(flat(unit), 1, part=cut, of=month) == rounded(Fraction(unit) * cut / month)


@pytest.mark.parametrize(
    ("numerator", "denominator", "whole"), [(1, 2, 1), (-1, 2, -1), (3, 2, 2), (-3, 2, -2), (49, 100, 0), (0, 7, 0)]
)
def test_halves_go_away_from_zero(numerator, denominator, whole):
    assert arithmetic.half_up(numerator, denominator) == whole


@settings(max_examples=60)
@given(units=st.integers(-(10**20), 10**20))
def test_decimals_come_back_as_they_went(units):
    assert arithmetic.picos(arithmetic.decimal_of(units)) == units


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (1234, "usd", "12.34 USD"),
        (-5, "eur", "-0.05 EUR"),
        (123456789, "usd", "1,234,567.89 USD"),
        (500, "jpy", "500 JPY"),
        (0, "krw", "0 KRW"),
    ],
)
def test_amounts_are_shown_with_their_currencys_decimals(minor, currency, text):
    assert arithmetic.shown(minor, currency) == text


@settings(max_examples=80)
@given(
    anchor=st.integers(946_684_800, 2_000_000_000), moment=st.integers(946_684_800, 2_000_000_000),
    interval=st.sampled_from(["day", "week", "month", "year"]), count=st.integers(1, 3),
)  # fmt: skip
def test_periods_tile_time(anchor, moment, interval, count):
    start, end = calendar.period_at(moment, anchor, interval, count)

    assert start <= moment < end
    assert calendar.period_at(end, anchor, interval, count)[0] == end
    assert calendar.period_at(start - 1, anchor, interval, count)[1] == start


@pytest.mark.parametrize(
    ("decimal", "currency", "text"),
    [
        ("0.000001", "usd", "0.00000001 USD"),
        ("25", "usd", "0.25 USD"),
        ("0.5", "jpy", "0.5 JPY"),
        ("500", "jpy", "500 JPY"),
    ],
)
def test_prices_are_shown_in_major_units_with_all_their_decimals(decimal, currency, text):
    assert arithmetic.shown_picos(arithmetic.picos(decimal), currency) == text
