"""Geometry of charts: what is drawn is what was counted."""

from datetime import UTC, date, datetime
from itertools import pairwise

import pytest

from app.web import charts

DAYS = [f"{day} Nov" for day in range(1, 31)]


def series(*values, tone="1", label="Calls"):
    return charts.Series(label, tuple(float(value) for value in values), tone)


def test_bars_fill_the_width_without_touching():
    chart = charts.stacked_bars(["a", "b", "c", "d"], [series(1, 2, 3, 4)])

    assert [bar.slot_x for bar in chart.bars] == [0, 25, 50, 75]
    assert [bar.x for bar in chart.bars] == [3.5, 28.5, 53.5, 78.5]
    assert {bar.width for bar in chart.bars} == {18}


def test_heights_are_in_proportion_and_stand_on_the_zero_line():
    chart = charts.stacked_bars(["a", "b"], [series(4, 2)])

    assert [tick.value for tick in chart.ticks] == [0, 1, 2, 3, 4]
    (tall,), (short,) = (bar.segments for bar in chart.bars)
    assert (tall.y, tall.height) == (0, charts.PLOT_HEIGHT)
    assert (short.y, short.height) == (charts.PLOT_HEIGHT / 2, charts.PLOT_HEIGHT / 2)


def test_series_are_stacked_from_the_bottom_in_their_order():
    chart = charts.stacked_bars(["a"], [series(3), series(1, tone="danger")])

    lower, upper = chart.bars[0].segments
    assert (lower.tone, upper.tone) == ("1", "danger")
    assert lower.y + lower.height == charts.PLOT_HEIGHT
    assert upper.y + upper.height == lower.y
    assert upper.y == 0
    assert (chart.bars[0].values, chart.bars[0].total, chart.total) == ((3, 1), 4, 4)


def test_zeros_draw_nothing_but_keep_their_place():
    chart = charts.stacked_bars(["a", "b"], [series(0, 5), series(0, 0, tone="danger")])

    assert [len(bar.segments) for bar in chart.bars] == [0, 1]
    assert chart.bars[0].values == (0, 0)
    assert not chart.is_empty


def test_chart_of_zeros_is_empty_and_has_a_scale():
    chart = charts.stacked_bars(["a", "b"], [series(0, 0)])

    assert chart.is_empty
    assert [tick.value for tick in chart.ticks] == [0, 1]


def test_chart_of_no_days_is_empty():
    chart = charts.stacked_bars([], [series()])

    assert chart.is_empty
    assert (chart.bars, chart.marks) == ((), ())


def test_bars_still_counting_are_told_apart():
    chart = charts.stacked_bars(["a", "b", "c"], [series(1, 1, 1)], open_from=2)

    assert [bar.is_open for bar in chart.bars] == [False, False, True]


def test_peak_is_the_first_of_the_highest():
    chart = charts.stacked_bars(["a", "b", "c"], [series(1, 7, 7)])

    assert chart.peak.label == "b"


@pytest.mark.parametrize(
    ("labels", "values", "words"), [(["a"], (1, 2), "2 values for 1"), (["a"], (-1,), "below zero")]
)
def test_what_cannot_be_drawn_is_refused(labels, values, words):
    with pytest.raises(ValueError, match=words):
        charts.stacked_bars(labels, [series(*values)])


def test_labels_below_are_few_even_and_end_with_the_newest():
    marks = charts.stacked_bars(DAYS, [series(*range(30))]).marks

    assert [mark.label for mark in marks][-1] == "30 Nov"
    assert len(marks) <= 8
    gaps = {round(later.x - earlier.x, 1) for earlier, later in pairwise(marks)}
    assert len(gaps) == 1
    assert not marks[-1].is_minor
    assert [mark.is_minor for mark in marks[-3:]] == [False, True, False]


def test_few_bars_are_all_labelled():
    assert [mark.label for mark in charts.stacked_bars(["a", "b"], [series(1, 2)]).marks] == ["a", "b"]


@pytest.mark.parametrize(
    ("highest", "values"),
    [
        (0, (0, 1)),
        (1, (0, 1)),
        (3, (0, 1, 2, 3)),
        (4, (0, 1, 2, 3, 4)),
        (9, (0, 3, 6, 9)),
        (10, (0, 3, 6, 9, 12)),
        (814, (0, 250, 500, 750, 1000)),
        (1000, (0, 250, 500, 750, 1000)),
        (1001, (0, 500, 1000, 1500)),
        (7_300_000, (0, 2e6, 4e6, 6e6, 8e6)),
    ],
)
def test_scale_is_round_whole_and_reaches_the_highest(highest, values):
    assert charts.scale(highest) == values


def test_scale_holds_for_any_count():
    for highest in [*range(1, 300), 999, 12_345, 999_999, 10**9 + 1]:
        steps = charts.scale(highest)
        assert highest <= steps[-1] < highest + steps[1]
        assert 1 <= len(steps) - 1 <= 5, highest
        assert all(step == int(step) for step in steps)


def test_sparkline_runs_from_left_to_right_and_from_zero_to_its_maximum():
    spark = charts.sparkline([0, 5, 10])

    assert spark.line == "2,22 48,12 94,2"
    assert spark.area == "2,24 2,22 48,12 94,2 94,24"
    assert (spark.end_x, spark.end_y) == (94, 2)


@pytest.mark.parametrize(("values", "line"), [([], "2,22 94,22"), ([0, 0], "2,22 94,22"), ([7], "2,2 94,2")])
def test_sparkline_of_little_is_flat(values, line):
    assert charts.sparkline(values).line == line


def test_shares_compare_with_the_longest_and_with_the_whole():
    first, second = charts.shares([("greet", 30), ("fail", 10)], urls=["/a", "/b"])

    assert (first.length, first.share, first.url) == (100, 75, "/a")
    assert (second.length, second.share, second.url) == (33.33, 25, "/b")


def test_shares_of_nothing_have_no_length():
    assert charts.shares([]) == ()
    assert [(share.length, share.share, share.url) for share in charts.shares([("greet", 0)])] == [(0, 0, None)]


def test_shares_want_one_address_each():
    with pytest.raises(ValueError, match="2 urls for 1 rows"):
        charts.shares([("greet", 1)], urls=["/a", "/b"])


def test_days_and_hours_have_a_full_name_and_a_short_one():
    assert charts.day_marks([date(2026, 11, 2)]) == (["Mon 2 Nov 2026"], ["2 Nov"])
    assert charts.hour_marks([datetime(2026, 11, 2, 23, tzinfo=UTC)]) == (["2 Nov 23:00–00:00"], ["23:00"])
