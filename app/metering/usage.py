"""What was used. Every number on every page, in every file and answer comes from here.

It is read from the totals of days, and of hours where a stretch begins or ends within a day (app/metering/spans.py),
which move in the same transaction as the events: all are as fresh as the last answer that left a gateway.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import BigInteger, ColumnElement, Select, Table
from sqlmodel import Session, col

from app.keys.models import Key
from app.metering import facets, selection, spans
from app.metering.figures import ALL, CALLS, COLUMNS, SHARES, Figures
from app.metering.ledger import DAYS, FACETS, HOURS
from app.metering.moments import start_of
from app.metering.selection import PLAN, Stay, Wanted
from app.metering.spans import DAY, Parts, Range, Span
from app.organisations.models import Organisation

Group = tuple[Any, ...]
"""The values by which calls are split: of selection.SPLITS, as the database gives them."""


@dataclass(frozen=True, slots=True)
class Question:
    """Whose calls, when, which of them. by: what they are split by, of selection.WORDS; "" for not at all."""

    organisation: Organisation
    span: Span
    wanted: Wanted = selection.ALL
    by: str = ""


def total(session: Session, question: Question) -> Figures:
    """Everything together."""
    statement = _statement(session, question, ALL, by="")
    row = session.execute(statement).one()
    return _figures(ALL, row)


def compared(session: Session, question: Question, everything: Figures) -> tuple[Figures, Figures]:
    """What can be compared: this stretch up to the last full hour, and as long a one before it. everything: the total
    of the stretch, if it is known to be over.
    """
    before = question.span.whole().before()
    return up_to_last_hour(session, question, everything), total(session, replace(question, span=before))


def up_to_last_hour(session: Session, question: Question, everything: Figures) -> Figures:
    """Of a stretch, what was over when the current hour began. everything: the total of the stretch."""
    span = question.span
    if not span.is_open:
        return everything
    return everything - total(session, replace(question, span=replace(span, since=max(span.since, span.whole().until))))


def by_group(
    session: Session, question: Question, *, metric: str = CALLS, limit: int, offset: int = 0
) -> list[tuple[Group, Figures]]:
    """Groups with all their figures, those first with most of the metric; durations by calls."""
    wanted = COLUMNS[CALLS] if metric in SHARES else COLUMNS[metric]
    statement = _statement(session, question, ALL, by=question.by)
    names = statement.selected_columns
    most = [names[name] for name in wanted]
    groups = list(names)[: -len(ALL)]
    ordered = statement.order_by(sum(most[1:], most[0]).desc(), *groups).limit(limit).offset(offset)
    return [(tuple(row[: -len(ALL)]), _figures(ALL, row[-len(ALL) :])) for row in session.execute(ordered)]


def by_step(session: Session, question: Question, *, metric: str = CALLS) -> list[Figures]:
    """The metric's sums of each of the span's steps, oldest first, empty where nothing was called."""
    names = COLUMNS[metric]
    found = {row[0]: _figures(names, row[1:]) for row in session.execute(_by_step(session, question, names, by=""))}
    return [found.get(at, Figures()) for at in question.span.steps]


def by_step_and_group(
    session: Session, question: Question, groups: Sequence[Group], *, metric: str = CALLS
) -> dict[Group, list[Figures]]:
    """The same for each of `groups`."""
    if not groups:
        return {}
    names = COLUMNS[metric]
    statement = _by_step(session, question, names, by=question.by)
    columns = list(statement.selected_columns)[1 : -len(names)]
    statement = statement.where(sa.or_(*[_is(columns, group) for group in groups]))
    found: dict[tuple[Group, datetime], Figures] = {
        (tuple(row[1 : -len(names)]), row[0]): _figures(names, row[-len(names) :]) for row in session.execute(statement)
    }
    return {group: [found.get((group, at), Figures()) for at in question.span.steps] for group in groups}


def _is(columns: Sequence[ColumnElement[Any]], group: Group) -> ColumnElement[bool]:
    pairs = zip(columns, group, strict=True)
    return sa.and_(*[column.is_(None) if value is None else column == value for column, value in pairs])


def _by_step(session: Session, question: Question, names: Sequence[str], *, by: str) -> Select[Any]:
    return _statement(session, question, names, by=by, step=question.span.step)


def _statement(
    session: Session, question: Question, names: Sequence[str], *, by: str, step: timedelta | None = None
) -> Select[Any]:
    """Sums of `names` by step and group: the columns are the step (if any), those of the group, and the sums."""
    wanted, span = question.wanted, question.span
    needs_plan = by == PLAN or bool(wanted.plan)
    stays = selection.stays_of(session, question.organisation) if needs_plan else []
    if by or step is not None or needs_plan:
        is_by_hour = step is not None and step < DAY
        cuts = spans.parts(span.since, span.until, cuts=[stay.begins_at for stay in stays], is_by_hour=is_by_hour)
    else:
        cuts = spans.fewest(span)
    dialect = session.get_bind().dialect.name
    table: Any
    sources = _sources(question, by, cuts)
    parts = [_parts(question, source, stays=stays, by=by, step=step, dialect=dialect) for source in sources]
    if len(sources) == 1:
        [(at, groups, where)], table = parts, sources[0].table
    else:
        inner = [
            sa.select(*own_at, *own, *_plain(source.table, source.sign, tuple(names))).where(*conditions)
            for source, (own_at, own, conditions) in zip(sources, parts, strict=True)
        ]
        table = sa.union_all(*inner).subquery()
        at = [table.c.step_at] if step is not None else []
        groups = [table.c[column.name] for column in parts[0][1]]
        where = []
    if by in selection.OF_KEYS:
        [key_id] = groups
        groups = list(selection.SPLITS[by](None))
        table = sa.join(table, Key, col(Key.id) == key_id)
    statement = sa.select(*at, *groups, *_sums(tuple(names))).select_from(table).where(*where)
    return statement.group_by(*at, *groups) if at or groups else statement


@cache
def _sums(names: tuple[str, ...]) -> list[ColumnElement[int]]:
    """Made once: there are dozens in each statement, and they are the same in all."""
    return [sa.literal_column(f"coalesce(sum({name}), 0)", BigInteger).label(name) for name in names]


@cache
def _plain(table: Table, sign: str, names: tuple[str, ...]) -> list[ColumnElement[int]]:
    return [sa.literal_column(f"{sign}{table.name}.{name}", BigInteger).label(name) for name in names]


@dataclass(frozen=True, slots=True)
class _Source:
    """A table of totals, its moment, and the ranges of it that are asked for. kind: of a facet. sign: “-” for what is
    to be subtracted.
    """

    table: Table
    moment: ColumnElement[datetime]
    ranges: Sequence[Range]
    kind: str = ""
    sign: str = ""


def _sources(question: Question, by: str, cuts: Parts) -> list[_Source]:
    """Where the fewest rows tell apart what is asked for."""
    facet = facets.of(part for name in {by, *question.wanted.said} for part in _NEEDED.get(name, ()))
    found = [_Source(HOURS, HOURS.c.hour_at, cuts.hours)] if cuts.hours or not cuts.days else []
    if cuts.less:
        found.append(_Source(HOURS, HOURS.c.hour_at, cuts.less, sign="-"))
    if cuts.days and facet is not None:
        found.append(_Source(FACETS, FACETS.c.day_at, cuts.days, facet.kind))
    elif cuts.days:
        found.append(_Source(DAYS, DAYS.c.day_at, cuts.days))
    return found


def _parts(
    question: Question,
    source: _Source,
    *,
    stays: Sequence[Stay],
    by: str,
    step: timedelta | None,
    dialect: str,
) -> tuple[list[Any], list[Any], list[ColumnElement[bool]]]:
    """Of one table: the step (if any), the columns of the groups, and the conditions."""
    table, moment = source.table, source.moment
    at: list[Any] = []
    if step is not None:
        is_as_kept = step != DAY or source.table is not HOURS
        at.append((moment if is_as_kept else start_of("day", moment, dialect)).label("step_at"))
    groups: list[Any] = []
    if by == PLAN:
        groups.append(selection.plan_at(moment, stays).label("plan"))
    elif by:
        groups += [table.c[name] for name in _NEEDED.get(by, (by,))]
    within = [sa.and_(moment >= since, moment < until) for since, until in source.ranges]
    where = selection.conditions(
        question.wanted, table.c, organisation=question.organisation, moment=moment, stays=stays
    )
    if source.kind:
        where.append(table.c.kind == source.kind)
    return at, groups, [*where, sa.or_(sa.false(), *within)]


_NEEDED = {
    selection.INTEGRATION: ("integration_id",),
    selection.TOOL: ("integration_id", "tool"),
    selection.KEY: ("key_id",),
    selection.MEMBER: ("key_id",),
    selection.ENVIRONMENT: ("key_id",),
    selection.STATUS: ("status",),
    selection.ERROR: ("error_class",),
}
"""The columns that a filter or a split needs; none for plans, which are told by the moment."""


def _figures(names: Sequence[str], values: Iterable[Any]) -> Figures:
    return Figures({name: int(value) for name, value in zip(names, values, strict=True)})
