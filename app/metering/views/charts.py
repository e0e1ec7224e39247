"""Usage as charts: from reports to the plain geometry that templates draw."""

from collections.abc import Sequence
from dataclasses import replace

from app.metering import models, selection, spans
from app.metering.naming import Name
from app.metering.report import EVERYTHING_ELSE, Overview
from app.metering.views.asking import Asked
from app.web import charts

CALLS_PAGE = "usage_calls.index"
_OF_STATUS = {
    models.OK: "1",
    models.TOOL_ERROR: "danger",
    models.UPSTREAM_ERROR: "warn",
    models.PROTOCOL_ERROR: "3",
    models.CANCELLED: "4",
    models.TIMEOUT: "5",
}


def of_report(made: Overview, asked: Asked) -> charts.BarChart:
    """Stacked bars, the first group at the bottom; each leads to the calls behind it."""
    span = asked.span
    if span.step == spans.DAY:
        labels, marks = charts.day_marks([at.date() for at in span.steps])
    else:
        labels, marks = charts.hour_marks(span.steps)
    series = [
        charts.Series(one.name.label, tuple(float(max(0, value or 0)) for value in one.values), tone=tone)
        for one, tone in zip(made.series, _tones(asked.by, [one.name for one in made.series]), strict=True)
    ]
    return charts.stacked_bars(
        labels,
        series,
        marks=marks,
        open_from=len(span.steps) - 1 if span.is_open else None,
        urls=asked.urls_of_steps(CALLS_PAGE),
    )


def narrowed(asked: Asked, name: Name) -> Asked:
    """The same question of one group alone."""
    return replace(asked, wanted=replace(asked.wanted, **{asked.by: name.value}))


def _tones(by: str, names: Sequence[Name]) -> list[str]:
    found = []
    for number, name in enumerate(names, start=1):
        tone = _OF_STATUS.get(name.value, "6") if by == selection.STATUS else str(number)
        found.append("6" if name == EVERYTHING_ELSE else tone)
    return found
