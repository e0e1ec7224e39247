"""Time that does not go back."""

import pytest

from app.core.clock import Onward


@pytest.fixture
def hands():
    return {"wall": 1_000.0, "steady": 50.0}


@pytest.fixture
def onward(hands):
    return Onward(wall=lambda: hands["wall"], steady=lambda: hands["steady"])


def moves(hands, *, wall, steady):
    hands["wall"] += wall
    hands["steady"] += steady


def test_it_is_the_wall_clocks(hands, onward):
    moves(hands, wall=10, steady=10)

    assert onward.now_s() == 1_010


def test_a_clock_that_is_put_forward_is_followed(hands, onward):
    moves(hands, wall=3_600, steady=1)  # also what a machine sees that was asleep

    assert onward.now_s() == 4_600


def test_a_clock_that_is_set_back_is_not_followed_and_time_goes_on(hands, onward, caplog):
    moves(hands, wall=-3_600, steady=0)
    assert onward.now_s() == 1_000
    moves(hands, wall=5, steady=5)

    assert onward.now_s() == 1_005
    assert [record.seconds for record in caplog.records] == [3_600]  # said once


def test_once_the_wall_clock_has_caught_up_it_is_followed_again(hands, onward):
    moves(hands, wall=-10, steady=0)
    assert onward.now_s() == 1_000
    moves(hands, wall=30, steady=0)

    assert onward.now_s() == 1_020


def test_a_small_step_back_is_not_worth_saying(hands, onward, caplog):
    moves(hands, wall=-1, steady=0)

    assert onward.now_s() == 1_000
    assert caplog.records == []
