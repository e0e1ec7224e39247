"""Geometry of charts, as plain numbers; the macros in templates/components/chart.html draw it as SVG.

Horizontal places and widths are percentages of the plot, vertical ones are pixels in a plot of fixed height. So a chart
fills whatever room it gets while its labels stay the size of text, and nothing has to be computed in the browser.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

PLOT_HEIGHT = 176.0
"""Pixels from the zero line to the highest gridline."""

BAR_SHARE = 0.72
"""Part of its slot that a bar fills; the rest is the gap to its neighbour."""

SPARK_WIDTH, SPARK_HEIGHT, SPARK_MARGIN = 96.0, 24.0, 2.0


@dataclass(frozen=True)
class Series:
    """One colour in a chart.

    tone: `ok`, `danger` or `warn` for a state, `1` … `6` for a kind, by its place in the list.
    """

    label: str
    values: tuple[float, ...]
    tone: str


@dataclass(frozen=True)
class Segment:
    """One series' part of one bar; y and height in pixels, y measured from the top of the plot."""

    tone: str
    y: float
    height: float


@dataclass(frozen=True)
class Bar:
    """One day or hour. x, width and slot_x, slot_width in percent; values in the order of the chart's series."""

    label: str
    x: float
    width: float
    slot_x: float
    slot_width: float
    segments: tuple[Segment, ...]
    values: tuple[float, ...]
    total: float
    is_open: bool
    url: str | None = None


@dataclass(frozen=True)
class Tick:
    """A gridline: its height in pixels from the top and the value it stands for."""

    y: float
    value: float


@dataclass(frozen=True)
class Mark:
    """A label below the plot, x in percent. `is_minor` ones are dropped where there is little room."""

    x: float
    label: str
    is_minor: bool


@dataclass(frozen=True)
class BarChart:
    """Everything a template needs to draw stacked bars and their table twin, in reading order."""

    series: tuple[Series, ...]
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    height: float
    total: float

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw: no bars, or zeros only."""
        return self.total == 0

    @property
    def peak(self) -> Bar:
        """The highest bar, the first of them if several are. Raises ValueError if there are no bars."""
        return max(self.bars, key=lambda bar: bar.total)


@dataclass(frozen=True)
class Sparkline:
    """Points for SVG, in pixels: the line, the closed area under it, and where it ends."""

    line: str
    area: str
    end_x: float
    end_y: float
    width: float
    height: float


@dataclass(frozen=True)
class Share:
    """One row of a bar list: its length in percent of the longest row, and its part of the whole in percent."""

    label: str
    value: float
    length: float
    share: float
    url: str | None


def stacked_bars(
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    marks: Sequence[str] | None = None,
    open_from: int | None = None,
    urls: Sequence[str] | None = None,
) -> BarChart:
    """Stack the series, first one at the bottom.

    labels: the full name of each bar, oldest first (“22 Nov 2026”, “14:00–15:00”).
    marks: the short names below the axis, one per bar (“22 Nov”); the labels if left out. Some are skipped.
    open_from: index of the first bar that is still counting, drawn lighter. urls: one per bar, where a click leads.
    Raises ValueError when a series has not one value per label, or a value is below zero.
    """
    for one in series:
        if len(one.values) != len(labels):
            raise ValueError(f"Series “{one.label}” has {len(one.values)} values for {len(labels)} labels.")
        if any(value < 0 for value in one.values):
            raise ValueError(f"Series “{one.label}” has a value below zero; a stacked bar cannot show it.")
    columns = [tuple(one.values[index] for one in series) for index in range(len(labels))]
    steps = scale(max((sum(column) for column in columns), default=0))
    bars = tuple(
        _bar(
            labels[index],
            column,
            series,
            slot=(index * 100 / len(labels), 100 / len(labels)),
            top=steps[-1],
            is_open=open_from is not None and index >= open_from,
            url=urls[index] if urls is not None else None,
        )
        for index, column in enumerate(columns)
    )
    return BarChart(
        series=tuple(series),
        bars=bars,
        ticks=tuple(Tick(y=round(PLOT_HEIGHT * (1 - value / steps[-1]), 2), value=value) for value in steps),
        marks=_marks(marks if marks is not None else labels),
        height=PLOT_HEIGHT,
        total=sum(bar.total for bar in bars),
    )


def scale(highest: float, lines: int = 4) -> tuple[float, ...]:
    """Round values for gridlines, from 0 to at least `highest`: steps of 1, 2, 2.5 or 5 times a power of ten.

    Counts are whole, so no step is below 1; an empty chart gets 0 and 1.
    """
    if highest <= 0:
        return (0.0, 1.0)
    rough = highest / lines
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9))
    step = 1.0 if step < 1 else math.ceil(step) if step < 10 else step
    count = math.ceil(highest / step - 1e-9)
    return tuple(step * index for index in range(count + 1))


def sparkline(values: Sequence[float]) -> Sparkline:
    """A line through `values`, oldest first, from zero at the bottom to their maximum at the top.

    One value draws a flat line; none, or zeros only, lies on the ground.
    """
    shown = list(values) if len(values) > 1 else [*values, *values] or [0.0, 0.0]
    top = max(shown) or 1.0
    run = (SPARK_WIDTH - 2 * SPARK_MARGIN) / (len(shown) - 1)
    rise = SPARK_HEIGHT - 2 * SPARK_MARGIN
    points = [
        (round(SPARK_MARGIN + index * run, 1), round(SPARK_HEIGHT - SPARK_MARGIN - rise * value / top, 1))
        for index, value in enumerate(shown)
    ]
    line = " ".join(f"{x:g},{y:g}" for x, y in points)
    ground = f"{SPARK_HEIGHT:g}"
    return Sparkline(
        line=line,
        area=f"{points[0][0]:g},{ground} {line} {points[-1][0]:g},{ground}",
        end_x=points[-1][0],
        end_y=points[-1][1],
        width=SPARK_WIDTH,
        height=SPARK_HEIGHT,
    )


def shares(rows: Sequence[tuple[str, float]], *, urls: Sequence[str] | None = None) -> tuple[Share, ...]:
    """Rows of a bar list in the order given.

    rows: (label, value); urls: one per row, where a click leads.
    Raises ValueError when there is not one url per row.
    """
    if urls is not None and len(urls) != len(rows):
        raise ValueError(f"There are {len(urls)} urls for {len(rows)} rows.")
    longest = max((value for _, value in rows), default=0) or 1
    whole = sum(value for _, value in rows) or 1
    return tuple(
        Share(
            label=label,
            value=value,
            length=round(100 * value / longest, 2),
            share=round(100 * value / whole, 1),
            url=urls[index] if urls is not None else None,
        )
        for index, (label, value) in enumerate(rows)
    )


def day_marks(days: Sequence[date]) -> tuple[list[str], list[str]]:
    """(labels, marks) for bars by day: “Sun 22 Nov 2026” and “22 Nov”."""
    labels = [f"{on:%a} {on.day} {on:%b} {on.year}" for on in days]
    return labels, [f"{on.day} {on:%b}" for on in days]


def hour_marks(hours: Sequence[datetime]) -> tuple[list[str], list[str]]:
    """(labels, marks) for bars by hour, UTC: “22 Nov 14:00–15:00” and “14:00”."""
    starts = [at.astimezone(UTC) for at in hours]
    labels = [f"{at.day} {at:%b} {at:%H}:00–{(at.hour + 1) % 24:02d}:00" for at in starts]
    return labels, [f"{at:%H}:00" for at in starts]


def _bar(
    label: str,
    column: Sequence[float],
    series: Sequence[Series],
    *,
    slot: tuple[float, float],
    top: float,
    is_open: bool,
    url: str | None,
) -> Bar:
    """slot: (where it starts, how wide it is), in percent; top: the value at the highest gridline."""
    slot_x, slot_width = slot
    width = slot_width * BAR_SHARE
    segments: list[Segment] = []
    base = 0.0
    for one, value in zip(series, column, strict=True):
        if value:
            height = PLOT_HEIGHT * value / top
            base += height
            segments.append(Segment(tone=one.tone, y=round(PLOT_HEIGHT - base, 2), height=round(height, 2)))
    return Bar(
        label=label,
        x=round(slot_x + (slot_width - width) / 2, 3),
        width=round(width, 3),
        slot_x=round(slot_x, 3),
        slot_width=round(slot_width, 3),
        segments=tuple(segments),
        values=tuple(column),
        total=sum(column),
        is_open=is_open,
        url=url,
    )


def _marks(names: Sequence[str]) -> tuple[Mark, ...]:
    """At most about eight labels, evenly spaced and counted back from the newest; every second one is minor."""
    if not names:
        return ()
    every = max(1, math.ceil(len(names) / 8))
    slot = 100 / len(names)
    shown = range(len(names) - 1, -1, -every)
    return tuple(
        Mark(x=round((index + 0.5) * slot, 3), label=names[index], is_minor=place % 2 == 1)
        for place, index in reversed(list(enumerate(shown)))
    )
