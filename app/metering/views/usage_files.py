"""The usage page as files: exactly what it shows, number by number."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import Response

from app.metering import figures, spans, usage
from app.metering.figures import Figures
from app.metering.report import Report
from app.metering.views.asking import Asked
from app.organisations.guards import current
from app.web import files

COLUMNS = (
    *("calls", "errors", "p50_us", "p95_us", "p99_us"),
    *("bytes_in", "bytes_out", "tokens_in", "tokens_out", "amount_nanos"),
)
UNITS = {**dict.fromkeys(figures.SHARES, "us"), figures.SPEND: "nanos", figures.BYTES: "bytes"}


def chart(asked: Asked, made: Report, *, currency: str) -> Response:
    """A line for each step, oldest first."""
    header = ["from_utc", *[one.name.label for one in made.series], *_unit(asked)]
    rows = [
        [_iso(at), *[_known(one.values[n]) for one in made.series], *([currency] if _unit(asked) else [])]
        for n, at in enumerate(asked.span.steps)
    ]
    return files.as_csv(header, rows, name=name_of(f"{asked.show}-by-{asked.by}", asked))


def groups(asked: Asked, made: Report, *, currency: str) -> Response:
    """A line for each group, in the order of the page."""
    header = [asked.by, "label", *COLUMNS, "currency"]
    rows = [[line.name.value, line.name.label, *values(line.figures), currency] for line in made.lines]
    return files.as_csv(header, rows, name=name_of(f"usage-by-{asked.by}", asked))


def everything(asked: Asked, made: Report, *, currency: str, now: datetime) -> dict[str, object]:
    """The whole page as it goes into JSON."""
    return {
        "period": {"name": asked.span.name, "from": _iso(asked.span.since), "until": _iso(asked.span.until)},
        "data_until": _iso(now),
        "filters": asked.wanted.said,
        "by": asked.by,
        "show": asked.show,
        "unit": UNITS.get(asked.show, asked.show),
        "currency": currency,
        "total": _named(made.total),
        "compared": {"now": _named(made.now), "before": _named(made.before)},
        "groups": [{"value": one.name.value, "label": one.name.label, **_named(one.figures)} for one in made.lines],
        "steps": [
            {"from": _iso(at), "values": {one.name.label: one.values[n] for one in made.series}}
            for n, at in enumerate(asked.span.steps)
        ],
    }


def days(currency: str) -> Response:
    """The last 30 days."""
    asked = spans.read(spans.DAYS_30, "", "", now=current.now)
    found = usage.by_step(current.session, usage.Question(current.organisation, asked), metric=figures.EVERYTHING)
    rows = [
        [f"{at:%Y-%m-%d}", one.calls, one.errors, one["units"], one.amount_nanos, currency]
        for at, one in zip(asked.steps, found, strict=True)
    ]
    header = ["day_utc", "calls", "errors", "units", "amount_nanos", "currency"]
    return files.as_csv(header, rows, name=f"calls-by-day-{rows[0][0]}-{rows[-1][0]}")


def values(found: Figures) -> list[Any]:
    """In the order of COLUMNS; "" where nothing is known."""
    return [_known(value) for value in _named(found).values()]


def name_of(what: str, asked: Asked) -> str:
    """Of a file: “calls-by-status-2026-10-24-2026-11-22”."""
    return f"{what}-{asked.span.first}-{asked.span.last}"


def _named(found: Figures) -> dict[str, int | None]:
    took = {f"{name}_us": found.percentile_us(name) for name in figures.SHARES}
    return {name: took[name] if name in took else found[name] for name in COLUMNS}


def _unit(asked: Asked) -> Sequence[str]:
    return ["currency"] if asked.show == figures.SPEND else []


def _known(value: int | None) -> int | str:
    return "" if value is None else value


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
