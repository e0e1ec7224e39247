"""What is unusual, in numbers: whoever calls as they always do is told nothing, whoever calls far more is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Invalid
from app.unusual import clients, rules
from app.unusual.rules import Choice

CALLS = st.sampled_from([0, 1, 100, 5000]) | st.integers(0, 5000)
DAYS = st.lists(CALLS, min_size=24, max_size=24)
CHOICES = st.builds(Choice, factor=st.integers(2, 5), rate_calls=st.integers(1, 1000))


def usual(hours, at):
    """hours: calls of each hour, oldest first; at: of which one it is asked."""
    same_time = {back: hours[at - back] for back in rules.SAME_TIME if at - back >= 0}
    return rules.usual_rate(same_time, sum(hours[at - rules.HOURS_OF_WEEK : at]))


@given(DAYS, CHOICES, st.integers(0, 23), st.sampled_from([-1, 0, 1]))
def test_the_same_day_every_day_is_usual_even_an_hour_early_or_late(day, choice, hour, shift):
    calls = day[(hour - shift) % 24]

    assert not rules.is_unusual_rate(calls, usual(day * 8, 7 * 24 + hour), choice)


@given(st.lists(CALLS, min_size=168, max_size=168), CHOICES, st.integers(0, 167))
def test_the_same_week_every_week_is_usual(week, choice, hour):
    assert not rules.is_unusual_rate(week[hour], usual(week * 2, 168 + hour), choice)


@given(st.lists(CALLS, min_size=168, max_size=168), CHOICES, st.integers(0, 10**6))
def test_far_more_than_ever_in_the_week_before_is_unusual_and_stays_so(week, choice, more):
    calls = max(choice.rate_calls, choice.factor * max(week) + 1)

    assert rules.is_unusual_rate(calls, usual(week, 168), choice)
    assert rules.is_unusual_rate(calls + more, usual(week, 168), choice)
    assert not rules.is_unusual_rate(choice.rate_calls - 1, 0, choice)


@given(CALLS, CALLS, st.integers(1, 100))
def test_a_share_is_as_large_as_it_is_said_to_be(calls, errors, percent):
    choice, errors = Choice(error_percent=percent, error_calls=1), min(errors, calls)

    assert rules.is_unusual_share(errors, calls, choice) is (calls > 0 and errors / calls >= percent / 100 - 1e-12)


def test_numbers_have_bounds():
    rules.check(rules.USUAL)
    for wrong in ({"factor": 1}, {"rate_calls": 0}, {"error_percent": 101}, {"error_calls": 0}, {"silent_days": 61}):
        with pytest.raises(Invalid, match="whole number from"):
            rules.check(Choice(**wrong))


@pytest.mark.parametrize(
    ("said", "product"),
    [
        ("curl/8.5.0", "curl"),
        ("Visual Studio Code/1.96.2 (x64)", "Visual Studio Code"),
        ("Mozilla/5.0 (X11; Linux x86_64)", "Mozilla"),
        ("my agent 1.2.3", "my agent"),
        ("my agent v2", "my agent"),
        ("node", "node"),
        ("(nothing)", ""),
        ("", ""),
    ],
)
def test_a_client_is_known_by_its_name_whatever_its_version(said, product):
    assert clients.product(said) == product
