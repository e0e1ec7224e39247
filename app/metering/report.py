"""All that the usage page shows for one question; its files are made from the same."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from app.metering import naming, selection, usage
from app.metering.figures import SHARES, Figures
from app.metering.naming import Name
from app.metering.usage import Question

APART = 5
"""So many groups have a colour of their own; the others are one, “Everything else”."""
EVERYTHING_ELSE = Name("", "Everything else")
ALL = Name("", "All calls")


@dataclass(frozen=True, slots=True)
class Line:
    """A group with what it comes to in the whole stretch."""

    name: Name
    figures: Figures


@dataclass(frozen=True, slots=True)
class Series:
    """A group with its metric in each step; None where nothing is known (a duration of no calls)."""

    name: Name
    values: Sequence[int | None]


@dataclass(frozen=True, slots=True)
class Overview:
    """total: of everything. lines: a page of groups, those with most of the metric first. series: the first of all
    groups and the rest; of a percentile, which does not add up, only that of all calls.
    """

    question: Question
    metric: str
    total: Figures
    lines: Sequence[Line]
    has_next: bool
    series: Sequence[Series]


@dataclass(frozen=True, slots=True)
class Report(Overview):
    """now, before: what can be compared."""

    now: Figures
    before: Figures


def report(session: Session, question: Question, metric: str, *, limit: int, offset: int = 0) -> Report:
    """limit, offset: of the lines."""
    made = overview(session, question, metric, limit=limit, offset=offset)
    now, before = usage.compared(session, question, made.total)
    return Report(question, metric, made.total, made.lines, made.has_next, made.series, now, before)


def overview(session: Session, question: Question, metric: str, *, limit: int, offset: int = 0) -> Overview:
    """The same without what it is compared with."""
    found = usage.by_group(session, question, metric=metric, limit=limit + 1, offset=offset)
    is_whole = not offset and len(found) <= limit and question.by not in selection.OF_KEYS
    total = sum((figures for _, figures in found), Figures()) if is_whole else usage.total(session, question)
    first = found if not offset else usage.by_group(session, question, metric=metric, limit=APART + 1)
    groups = [group for group, _ in [*found[:limit], *first[: APART + 1]]]
    names = naming.names_of(session, question.organisation, question.by, groups)
    lines = [Line(names[group], figures) for group, figures in found[:limit]]
    if not total.calls:
        series: list[Series] = []
    elif metric in SHARES:
        series = [Series(ALL, [one.of(metric) for one in usage.by_step(session, question, metric=metric)])]
    else:
        apart = [group for group, figures in first[:APART] if figures.of(metric)]
        nothing = [Series(ALL, [0] * len(question.span.steps))]
        series = _stacked(session, question, metric, apart, names, has_more=len(first) > APART) or nothing
    return Overview(question, metric, total, lines, len(found) > limit, series)


def _stacked(
    session: Session,
    question: Question,
    metric: str,
    apart: Sequence[usage.Group],
    names: dict[usage.Group, Name],
    *,
    has_more: bool,
) -> list[Series]:
    by_group = usage.by_step_and_group(session, question, apart, metric=metric)
    found = [Series(names[group], [one.of(metric) for one in by_group[group]]) for group in apart]
    if has_more:
        everything = [one.of(metric) or 0 for one in usage.by_step(session, question, metric=metric)]
        named = [sum(values[n] or 0 for values in (one.values for one in found)) for n in range(len(everything))]
        rest = [whole - part for whole, part in zip(everything, named, strict=True)]
        found.append(Series(EVERYTHING_ELSE, rest))
    return found
