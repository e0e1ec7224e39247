"""How numbers, sizes and moments are written."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from markupsafe import Markup

from app.web import writing

SPACE = writing.SPACE
AT = datetime(2026, 11, 2, 4, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (999, "999"), (1000, "1,000"), (1_204_567, "1,204,567"), (-1000, "−1,000")],
)
def test_thousands_are_set_apart_as_in_amounts_of_money(value, text):
    assert writing.number(value) == text


def test_numbers_have_the_places_asked_for():
    assert writing.number(98.44, 1) == "98.4"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (250, "250"), (1000, "1k"), (2500, "2.5k"), (1_500_000, "1.5M"), (3e9, "3G")],
)
def test_gridlines_are_short(value, text):
    assert writing.compact(value) == writing.axis(value, "number") == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (24_100, "24 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (5_600_000, "5.6 MB"),
        (3_000_000_000, "3.0 GB"),
        (2_500_000_000_000, "2.5 TB"),
    ],
)
def test_sizes_are_decimal(size, text):
    assert writing.bytes_(size).replace(SPACE, " ") == text


@pytest.mark.parametrize(
    ("duration_us", "text"),
    [
        (0, "0.0 ms"),
        (420, "0.4 ms"),
        (9_960, "10 ms"),
        (12_400, "12 ms"),
        (999_499, "999 ms"),
        (999_500, "1.0 s"),
        (1_204_000, "1.2 s"),
        (30_000_000, "30 s"),
        (125_000_000, "2 min 5 s"),
    ],
)
def test_durations_come_in_microseconds(duration_us, text):
    assert writing.ms(duration_us).replace(SPACE, " ") == text


@pytest.mark.parametrize(("kind", "text"), [("number", "12,400"), ("bytes", "12 kB"), ("ms", "12 ms")])
def test_figures_of_a_chart_follow_their_kind(kind, text):
    assert writing.figure(12_400, kind).replace(SPACE, " ") == text


def test_moments_are_shown_in_utc_wherever_they_come_from():
    elsewhere = AT.astimezone(timezone(timedelta(hours=-5)))

    assert writing.clock(elsewhere) == "04:03:02"
    assert writing.stamp(elsewhere).replace(SPACE, " ") == "2 Nov 04:03:02"
    assert writing.moment(elsewhere).replace(SPACE, " ") == "2 Nov 2026 04:03 UTC"
    assert writing.moment(elsewhere, seconds=True).replace(SPACE, " ") == "2 Nov 2026 04:03:02 UTC"
    precisely = elsewhere.replace(microsecond=45_999)
    assert writing.instant(precisely).replace(SPACE, " ") == "2 Nov 2026 04:03:02.045 UTC"
    assert writing.iso(elsewhere) == "2026-11-02T04:03:02Z"
    assert writing.day(elsewhere) == writing.day(date(2026, 11, 2)) == f"2{SPACE}Nov{SPACE}2026"


@pytest.mark.parametrize(
    ("gap", "text"),
    [
        (timedelta(seconds=3), "just now"),
        (timedelta(seconds=-3), "just now"),
        (timedelta(seconds=41), "41 s ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=23), "23 h ago"),
        (timedelta(days=1, hours=20), "1 day ago"),
        (timedelta(days=30), "30 days ago"),
        (timedelta(days=-6), "in 6 days"),
        (timedelta(days=31), "2 Oct 2026"),
    ],
)
def test_distance_is_told_in_one_unit(gap, text):
    assert writing.ago(AT - gap, AT).replace(SPACE, " ") == text


def test_marked_part_is_shown_and_everything_is_escaped():
    text = writing.marked("-H 'Bearer <k>' & <k>", "<k>")

    assert isinstance(text, Markup)
    assert text == "-H &#39;Bearer <mark>&lt;k&gt;</mark>&#39; &amp; <mark>&lt;k&gt;</mark>"
    assert writing.marked("<b>", "") == "&lt;b&gt;"
