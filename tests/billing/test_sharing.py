"""Shares add up to what is shared, and what is taken back never exceeds them (I19)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.billing import sharing

weights = st.lists(st.integers(0, 10**12), min_size=1, max_size=8).filter(any)
amounts = st.integers(0, 10**9)


@given(amounts, weights)
def test_i19_shares_add_up_and_are_fair_to_the_unit(amount, weights):
    shares = sharing.divide(amount, weights)

    assert sum(shares) == amount
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share * sum(weights) - amount * weight) < sum(weights)
        assert share >= 0
        assert share == 0 or weight > 0


@given(amounts, weights, st.lists(st.integers(0, 10**9), max_size=5))
def test_i19_however_often_a_part_is_taken_back_nobody_gives_back_more_than_they_got(amount, weights, refunds):
    shares = sharing.divide(amount, weights)
    left, paid = list(shares), amount
    for wanted in refunds:
        refund = min(wanted, paid)
        back = sharing.divide(refund, left)
        left, paid = [have - gives for have, gives in zip(left, back, strict=True)], paid - refund

        assert min(left) >= 0
        assert sum(left) == paid


@pytest.mark.parametrize(("amount", "weights"), [(-1, [1]), (1, [2, -1]), (1, [0, 0]), (1, [])])
def test_what_cannot_be_divided_is_a_mistake(amount, weights):
    with pytest.raises(ValueError, match="divided"):
        sharing.divide(amount, weights)


def test_the_first_gets_what_is_left_where_all_are_alike():
    assert sharing.divide(100, [1, 1, 1]) == [34, 33, 33]
    assert sharing.divide(0, [0, 0]) == [0, 0]
