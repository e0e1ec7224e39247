"""Intervals of fees: parts that add up, and periods that tile time in UTC."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.plans import intervals

seconds = st.integers(0, 30 * 86_400)
NOVEMBER = (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))


@given(st.integers(0, 10**7), st.lists(seconds, max_size=6))
def test_i11_the_parts_of_any_split_add_up_to_the_whole_fee(fee, cuts):
    start, end = NOVEMBER
    edges = sorted({start, end, *[start + timedelta(seconds=cut) for cut in cuts]})

    parts = [intervals.part_minor(fee, one, other, whole=NOVEMBER) for one, other in pairwise(edges)]

    assert sum(parts) == fee
    assert all(part >= 0 for part in parts)


@given(st.integers(0, 10**7), st.integers(0, 10**7), seconds, seconds)
def test_i11_changing_and_changing_back_costs_nothing_by_itself(fee, other, a, b):
    first, second = (NOVEMBER[0] + timedelta(seconds=cut) for cut in sorted((a, b)))

    def part(amount, begins_at, ends_at):
        return intervals.part_minor(amount, begins_at, ends_at, whole=NOVEMBER)

    stayed = part(fee, *NOVEMBER)
    changed = part(fee, NOVEMBER[0], first) + part(other, first, second) + part(fee, second, NOVEMBER[1])

    assert changed - part(other, first, second) + part(fee, first, second) == stayed


def test_a_part_lies_within_its_interval():
    start, end = NOVEMBER

    with pytest.raises(ValueError, match="within"):
        intervals.part_minor(1, start, end + timedelta(seconds=1), whole=NOVEMBER)


moments = st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))  # noqa: DTZ001


@settings(max_examples=60)
@given(moments, moments, st.sampled_from(["month", "year"]))
def test_i12_b18_intervals_tile_time_in_utc_from_any_anchor(begins_at, moment, interval):
    anchor_at = intervals.anchor_of(begins_at)

    start, end = intervals.around(moment, interval=interval, anchor_at=anchor_at)

    assert start <= moment < end
    assert intervals.around(end, interval=interval, anchor_at=anchor_at)[0] == end
    assert intervals.around(start - timedelta(microseconds=1), interval=interval, anchor_at=anchor_at)[1] == start
    for hours in (-12, 14):
        elsewhere = moment.astimezone(timezone(timedelta(hours=hours)))
        assert intervals.around(elsewhere, interval=interval, anchor_at=anchor_at) == (start, end)


@pytest.mark.parametrize(
    ("begins", "moment", "interval", "start", "end"),
    [
        ("2026-01-31T12:00", "2026-02-28T23:59", "month", "2026-02-01", "2026-03-01"),
        ("2024-02-29T00:00", "2024-02-29T00:00", "year", "2023-03-01", "2024-03-01"),
        ("2024-02-29T00:00", "2025-02-28T23:59", "year", "2024-03-01", "2025-03-01"),
        ("2026-11-01T00:00", "2026-11-01T00:00", "year", "2026-11-01", "2027-11-01"),
    ],
)
def test_b18_month_ends_and_leap_days(begins, moment, interval, start, end):
    begins_at, at, start_at, end_at = (
        datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (begins, moment, start, end)
    )

    assert intervals.around(at, interval=interval, anchor_at=intervals.anchor_of(begins_at)) == (start_at, end_at)
