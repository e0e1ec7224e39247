"""Usage: what was used in a time, of which calls, split by what one likes; and the same as files."""

from collections.abc import Callable
from functools import partial

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app.metering import figures, queries, report, selection, spans
from app.metering.report import Report
from app.metering.views import asking, charts, choices, usage_files, usage_words
from app.metering.views.asking import Asked
from app.organisations.guards import current, member
from app.plans import amounts
from app.web import files, htmx, paging

bp = Blueprint("usage", __name__, url_prefix="/usage")

PAGE = 25
UNITS = {**dict.fromkeys(figures.SHARES, "time"), figures.SPEND: "spent"}
"""The noun beside a figure of the chart."""


@bp.get("/")
@member("usage:read")
def index() -> ResponseReturnValue:
    asked = asking.read()
    made = _report(asked)
    currency = _currency()
    return htmx.render(
        "metering/usage.html",
        asked=asked,
        report=made,
        lines=[(line, charts.narrowed(asked, line.name).url(charts.CALLS_PAGE)) for line in made.lines],
        page=_page_number(),
        chart=charts.of_report(made, asked) if made.series else None,
        heading=_heading(asked),
        unit=UNITS.get(asked.show, asked.show),
        kind=_kind(asked.show, currency),
        adds_up=asked.show not in figures.SHARES,
        by_word=selection.WORDS[asked.by].lower(),
        stats=usage_words.stats(made, asked.span, currency=currency),
        money=partial(amounts.shown, currency=currency),
        period_links=_links(asked, "period", spans.WORDS, asked.span.name),
        show_links=_links(asked, "show", figures.METRICS, asked.show),
        by_links=_links(asked, "by", selection.WORDS, asked.by),
        choices=choices.of_organisation(current.session, current.organisation),
        has_ever=bool(made.total.calls) or queries.has_called(current.session, current.organisation),
        data_until=current.now,
    )


@bp.get("/chart.csv")
@member("usage:read")
def chart_csv() -> ResponseReturnValue:
    """The chart's table: a line for each step, oldest first, a column for each group."""
    asked = asking.read()
    return usage_files.chart(asked, _report(asked), currency=_currency())


@bp.get("/groups.csv")
@member("usage:read")
def groups_csv() -> ResponseReturnValue:
    """The page's table of groups."""
    asked = asking.read()
    return usage_files.groups(asked, _report(asked), currency=_currency())


@bp.get("/usage.json")
@member("usage:read")
def as_json() -> ResponseReturnValue:
    """All of the page."""
    asked = asking.read()
    content = usage_files.everything(asked, _report(asked), currency=_currency(), now=current.now)
    return files.as_json(content, name=usage_files.name_of("usage", asked))


@bp.get("/days.csv")
@member("usage:read")
def days_csv() -> ResponseReturnValue:
    """What this address gave before there were others: calls by day."""
    return usage_files.days(_currency())


def _report(asked: Asked) -> Report:
    return report.report(current.session, asked.question, asked.show, limit=PAGE, offset=(_page_number() - 1) * PAGE)


def _page_number() -> int:
    found = request.args.get("page", default=1, type=int)
    return found if 1 <= found <= paging.MOST else 1


def _currency() -> str:
    found = queries.currency_of(current.session, current.organisation, at=current.now)
    return found or current.settings.currency


def _kind(show: str, currency: str) -> str | Callable[[float], str]:
    """How the chart writes its values."""
    if show == figures.SPEND:
        return lambda nanos: amounts.shown(int(nanos), currency=currency)
    return "ms" if show in figures.SHARES else "bytes" if show == figures.BYTES else "number"


def _heading(asked: Asked) -> str:
    """Durations do not add up, so that the chart's are those of all calls."""
    shown = figures.METRICS[asked.show]
    return shown if asked.show in figures.SHARES else f"{shown} by {selection.WORDS[asked.by].lower()}"


def _links(asked: Asked, name: str, words: dict[str, str], chosen: str) -> list[dict[str, object]]:
    ends = {"from": "", "to": ""} if name == "period" else {}
    return [
        {"label": label, "url": asked.url(**{name: value}, **ends), "is_current": value == chosen}
        for value, label in words.items()
    ]
