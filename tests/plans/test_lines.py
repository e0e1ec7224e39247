"""Bills in integers: rounded once for each line, and the same however the month was lived through."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.plans import amounts, intervals, lines, rating
from app.plans.lines import Priced
from app.plans.rating import Scheme
from tests.plans.test_rating import quantities, schemes

ONE, TWO = UUID(int=1), UUID(int=2)
seconds = st.integers(0, 30 * 86_400)
NOVEMBER = (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))


def priced(scheme, *, version_id=ONE, currency="usd"):
    return Priced(version_id, "Calls", currency, {"calls": scheme})


@given(schemes(), quantities)
def test_i10_a_month_costs_its_use_or_its_minimum_whichever_is_more(scheme, quantity):
    found = lines.bill({ONE: {"calls": quantity}}, [priced(scheme)])

    assert sum(line.nanos for line in found) == rating.rate(quantity, scheme)
    assert lines.total_minor(found) == amounts.to_minor(rating.rate(quantity, scheme))
    assert all(line.amount_minor >= 0 for line in found)


@given(schemes(), schemes(), quantities, quantities)
def test_i4_i17_a_bill_is_the_same_in_any_order(one, two, a, b):
    used = {ONE: {"calls": a}, TWO: {"calls": b}}
    versions = [priced(one), priced(two, version_id=TWO)]

    forwards, backwards = lines.bill(used, versions), lines.bill(dict(reversed(used.items())), versions[::-1])

    assert lines.total_minor(forwards) == lines.total_minor(backwards)
    assert sorted(map(repr, forwards)) == sorted(map(repr, backwards))


def test_a_line_is_rounded_once_half_up():
    [line] = lines.bill({ONE: {"calls": 3}}, [priced(Scheme(nanos=500_000_000))])

    assert (line.quantity, line.nanos, line.amount_minor) == (3, 1_500_000_000, 2)


def test_a_currency_without_decimals_is_rounded_to_its_whole_units():
    [line] = lines.bill(
        {ONE: {"calls": 5}}, [priced(Scheme(nanos=amounts.parse("0.3", currency="jpy")), currency="jpy")]
    )

    assert (line.amount_minor, amounts.shown_minor(line.amount_minor, currency="jpy")) == (2, "2 jpy")


@given(schemes())
def test_b17_a_month_without_use_costs_the_minimum_and_nothing_else(scheme):
    found = lines.bill({}, [priced(scheme)])

    assert lines.total_minor(found) == amounts.to_minor(scheme.minimum_nanos)
    assert {line.kind for line in found} <= {lines.MINIMUM}


@given(schemes(), st.integers(-50, -1))
def test_b16_corrections_below_zero_are_no_charge(scheme, quantity):
    found = lines.bill({ONE: {"calls": quantity}}, [priced(scheme)])

    assert lines.total_minor(found) == amounts.to_minor(scheme.minimum_nanos)


def test_lines_in_two_currencies_have_no_sum():
    found = lines.bill(
        {ONE: {"calls": 1}, TWO: {"calls": 1}},
        [priced(Scheme(nanos=10**9)), priced(Scheme(nanos=10**9), version_id=TWO, currency="eur")],
    )

    with pytest.raises(ValueError, match="no sum"):
        lines.total_minor(found)


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


def test_b15_a_part_is_of_the_full_interval_after_an_upgrade():
    start, end = NOVEMBER
    half, later = start + timedelta(days=15), start + timedelta(days=21)

    line = lines.base_fee("Team", currency="usd", fee_minor=3000, begins_at=later, ends_at=end, whole=NOVEMBER)
    seats = lines.base_fee("Seats", currency="usd", fee_minor=100, begins_at=half, ends_at=end, whole=NOVEMBER, seats=3)

    assert (line.kind, line.amount_minor) == ("base", 900)
    assert (seats.kind, seats.quantity, seats.amount_minor) == ("seats", 3, 150)
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
