"""What was used: the numbers of the usage page, from the same queries."""

from dataclasses import replace
from datetime import datetime, timedelta

from app.api import cursors
from app.api.endpoints import endpoint
from app.api.guards import current
from app.api.usage_schemas import (
    ChartAsked,
    ChartSeries,
    ChartTold,
    UsageAsked,
    UsageFigures,
    UsageFilters,
    UsageGroup,
    UsageTold,
)
from app.core.errors import Invalid
from app.metering import figures, naming, queries, report, selection, spans, usage
from app.metering.figures import Figures
from app.metering.selection import Wanted
from app.metering.spans import CUSTOM, Span
from app.metering.usage import Question

HOUR, DAY = "hour", "day"
USUAL = timedelta(days=29)
UNITS = {**dict.fromkeys(figures.SHARES, "us"), figures.SPEND: "nanos"}


@endpoint("GET", "/usage", "usage:read", "What was used in a period", query=UsageAsked, answer=UsageTold)
def get_usage(query: UsageAsked) -> UsageTold:
    question = question_of(query)
    groups, following = _by_time(question, query.group_by), None
    if query.group_by in selection.WORDS:
        groups, following = _by_group(question, query)
    return UsageTold(
        since=question.span.first,
        until=question.span.last,
        data_until=current.now,
        currency=_currency(),
        total=_figures(usage.total(current.session, question)),
        groups=groups,
        next_cursor=following,
    )


@endpoint("GET", "/usage/chart", "usage:read", "A figure step by step", query=ChartAsked, answer=ChartTold)
def get_chart(query: ChartAsked) -> ChartTold:
    """Hours of up to three days, days of longer periods; the first groups apart, the others together."""
    question = question_of(query, by=query.group_by)
    made = report.report(current.session, question, query.show, limit=report.APART)
    return ChartTold(
        since=question.span.first,
        until=question.span.last,
        data_until=current.now,
        currency=_currency(),
        unit=UNITS.get(query.show, query.show),
        now=_figures(made.now),
        before=_figures(made.before),
        steps=question.span.steps,
        series=[
            ChartSeries(value=one.name.value, label=one.name.label, values=list(one.values)) for one in made.series
        ],
    )


def question_of(query: UsageFilters, by: str = "") -> Question:
    """What such filters ask. Raises Invalid for what is no period."""
    wanted = Wanted(**{name: getattr(query, name) for name in selection.WORDS})
    return Question(current.organisation, _span(query), wanted, by)


def _span(query: UsageFilters) -> Span:
    if query.period is not None:
        if query.since is not None or query.until is not None:
            raise Invalid("Give a period, or since and until, not both.")
        return spans.read(query.period, "", "", now=current.now)
    until = query.until or f"{current.now:%Y-%m-%d}"
    return spans.read(CUSTOM, query.since or _before(until), until, now=current.now)


def _before(until: str) -> str:
    """Where a period begins that only ends somewhere. What is no day is for whoever reads it next to say."""
    try:
        return f"{datetime.fromisoformat(until[:10]) - USUAL:%Y-%m-%d}"
    except (ValueError, OverflowError):
        return until


def _by_time(question: Question, by: str | None) -> list[UsageGroup]:
    """Hours or days, oldest first, in one query, and with all their figures."""
    span = question.span
    if by not in (HOUR, DAY):
        return []
    if by == HOUR and not span.is_by_hour:
        raise Invalid("Hours are told of three days at most.")
    form = "%Y-%m-%dT%H" if by == HOUR else "%Y-%m-%d"
    found: dict[str, Figures] = {}
    for at, sums in zip(span.steps, usage.by_step(current.session, question, metric=figures.WHOLE), strict=True):
        name = f"{at:{form}}"
        found[name] = found.get(name, Figures()) + sums
    return [UsageGroup(value=name, label=name, figures=_figures(sums)) for name, sums in found.items()]


def _by_group(question: Question, query: UsageAsked) -> tuple[list[UsageGroup], str | None]:
    """A page of groups. They have no place but how much they are, so that the cursor counts them."""
    after = cursors.read(query.cursor)
    offset = after.rows if after is not None else 0
    question = replace(question, by=query.group_by or "")
    found = usage.by_group(current.session, question, metric=query.order_by, limit=query.limit + 1, offset=offset)
    shown = found[: query.limit]
    names = naming.names_of(current.session, current.organisation, question.by, [group for group, _ in shown])
    groups = [
        UsageGroup(value=names[group].value, label=names[group].label, figures=_figures(sums)) for group, sums in shown
    ]
    return groups, cursors.counted(offset + query.limit) if len(found) > query.limit else None


def _figures(found: Figures) -> UsageFigures:
    return UsageFigures(
        calls=found.calls,
        errors=found.errors,
        units=found["units"],
        p50_us=found.p50_us,
        p95_us=found.p95_us,
        p99_us=found.p99_us,
        bytes_in=found["bytes_in"],
        bytes_out=found["bytes_out"],
        tokens_in=found["tokens_in"],
        tokens_out=found["tokens_out"],
        amount_nanos=found.amount_nanos,
    )


def _currency() -> str:
    return queries.currency_of(current.session, current.organisation, at=current.now)
