"""Half-open UTC periods tile time (invariant I12)."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.plans import periods

PERIODS = [*periods.LENGTHS, periods.MONTH]
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.builds(
    datetime.fromtimestamp,
    st.floats(631_152_000, 3_786_912_000),  # 1990 to 2090
    zones,
)


@pytest.mark.parametrize("period", PERIODS)
@given(moment=moments)
def test_i12_each_moment_lies_in_exactly_one(period, moment):
    start = periods.start_of(period, moment)
    end = periods.end_of(period, start)

    assert start <= moment < end
    assert periods.start_of(period, start) == start
    assert periods.start_of(period, end) == end
    assert periods.start_of(period, end - timedelta(microseconds=1)) == start
    assert periods.start_of(period, moment.astimezone(UTC)) == start


@pytest.mark.parametrize(
    ("moment", "ends"),
    [
        ("2024-02-29T23:59:59.999999+00:00", "2024-03-01T00:00:00+00:00"),
        ("2026-01-31T12:00:00+00:00", "2026-02-01T00:00:00+00:00"),
        ("2026-12-31T12:00:00+00:00", "2027-01-01T00:00:00+00:00"),
        ("2026-11-01T00:30:00+14:00", "2026-11-01T00:00:00+00:00"),
        ("2026-10-31T23:30:00-12:00", "2026-12-01T00:00:00+00:00"),
        ("2026-03-29T02:30:00+01:00", "2026-04-01T00:00:00+00:00"),
    ],
)
def test_b18_months_end_in_utc_wherever_the_customer_is(moment, ends):
    start = periods.start_of(periods.MONTH, datetime.fromisoformat(moment))

    assert periods.end_of(periods.MONTH, start) == datetime.fromisoformat(ends)


@given(moment=moments)
def test_ever_holds_every_moment_and_nothing_follows(moment):
    start = periods.start_of(periods.EVER, moment)

    assert start == periods.BEGINNING <= moment < periods.end_of(periods.EVER, start)
