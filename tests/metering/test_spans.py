"""Stretches of time: whole hours and days, named in addresses, cut so that totals are read as seldom as can be."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import Invalid
from app.metering import spans
from app.metering.spans import DAY, HOUR
from tests.conftest import NOW

MIDNIGHT = NOW.replace(hour=0, minute=0, second=0)


@pytest.mark.parametrize(
    ("name", "since", "until", "steps"),
    [
        ("today", MIDNIGHT, MIDNIGHT + 15 * HOUR, 15),
        ("24h", MIDNIGHT - 9 * HOUR, MIDNIGHT + 15 * HOUR, 24),
        ("7d", MIDNIGHT - 6 * DAY, MIDNIGHT + DAY, 7),
        ("90d", MIDNIGHT - 89 * DAY, MIDNIGHT + DAY, 90),
        ("month", MIDNIGHT - 21 * DAY, MIDNIGHT + DAY, 22),
    ],
)
def test_periods_are_whole_hours_and_days_up_to_now(name, since, until, steps):
    span = spans.read(name, "", "", now=NOW)

    assert (span.since, span.until, len(span.steps)) == (since, until, steps)
    assert span.is_open
    assert span.before().until <= span.since or name == "month"


def test_a_custom_period_holds_both_its_ends_and_says_itself_again():
    days = spans.read("custom", "2026-11-01", "2026-11-05", now=NOW)
    hours = spans.read("custom", "2026-11-22T09", "2026-11-22T10", now=NOW)

    assert (days.until - days.since, days.step) == (5 * DAY, DAY)
    assert (hours.until - hours.since, hours.step) == (2 * HOUR, HOUR)
    for one in (days, hours):
        assert spans.read("custom", one.first, one.last, now=NOW) == one
    assert not hours.is_open
    assert hours.before().until == hours.since


def test_what_is_compared_ends_with_the_last_full_hour():
    today = spans.read("today", "", "", now=NOW).whole()
    month = spans.read("month", "", "", now=NOW).whole()

    assert today.until == NOW.replace(minute=0, second=0)
    assert today.before().since == today.since - DAY
    assert today.week_before().until == today.until - 7 * DAY
    assert month.before().since == datetime(2026, 10, 1, tzinfo=UTC)
    assert month.before().until - month.before().since == month.until - month.since


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("year", "", ""),
        ("custom", "", ""),
        ("custom", "2026-11-05", "2026-11-01"),
        ("custom", "2020-01-01", "2026-11-01"),
        ("custom", "2026-02-30", "2026-11-01"),
        ("custom", "2026-11-01T24", "2026-11-02"),
        ("custom", "9999-12-31", "9999-12-31"),
        ("custom", "२०२६-११-०१", "2026-11-02"),
    ],
)
def test_what_is_no_period_is_refused_in_words(name, first, last):
    with pytest.raises(Invalid):
        spans.read(name, first, last, now=NOW)


moments = st.integers(0, 24 * 40).map(lambda hours: MIDNIGHT + timedelta(hours=hours))


@given(moments, moments, st.lists(moments, max_size=4))
@settings(max_examples=150)
def test_parts_cover_each_hour_once_and_cut_days_are_read_by_hour(since, until, cuts):
    found = spans.parts(since, until, cuts=cuts)

    hours = [at + n * HOUR for at, end in [*found.days, *found.hours] for n in range((end - at) // HOUR)]
    assert sorted(hours) == [since + n * HOUR for n in range(max(0, (until - since) // HOUR))]
    assert all(one.hour == 0 for ends in found.days for one in ends)
    within = [cut for cut in cuts for begins, ends in found.days if begins < cut < ends]
    assert not [cut for cut in within if cut.hour]


@given(moments, moments, moments)
@settings(max_examples=150)
def test_the_fewest_hours_of_a_stretch_are_its_hours_whenever_it_is_asked_for(since, until, now):
    def hours(ranges):
        return Counter(at + n * HOUR for at, end in ranges for n in range((end - at) // HOUR))

    found = spans.fewest(spans.Span("custom", since, until, now))

    assert hours([*found.days, *found.hours]) == hours([(since, until), *found.less])
    assert all(ends - begins < DAY for begins, ends in [*found.hours, *found.less]) or not found.days


def test_a_day_of_which_an_hour_is_missing_is_read_as_a_day():
    span = spans.Span("custom", MIDNIGHT + HOUR, MIDNIGHT + 3 * DAY - HOUR, NOW + 9 * DAY)

    found = spans.fewest(span)

    assert found.days == [(MIDNIGHT, MIDNIGHT + 3 * DAY)]
    assert not found.hours
    assert found.less == [(MIDNIGHT, MIDNIGHT + HOUR), (MIDNIGHT + 3 * DAY - HOUR, MIDNIGHT + 3 * DAY)]
