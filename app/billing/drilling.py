"""Behind a line of a bill: its hours, behind an hour its calls, and the call itself. In nanos the calls add up to their
hour and the hours to the line; in whole minor units the hours add up to the line as well.

A call's amount is for all that it was charged for. Where a charge has a line for each metric, the line's part of it is
worked out: what the call adds to that metric, in the order of the ledger. So free units go to the first calls of a
month, and each tier follows the one before it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import func
from sqlmodel import Session, col, select

from app.billing import gathering, meters, sharing, statement, used
from app.billing.bill import MINIMUM, Line, Statement
from app.billing.months import Month
from app.core.errors import NotFound
from app.metering import billable
from app.metering.models import UsageEvent
from app.organisations.models import Organisation
from app.plans import amounts, metrics, rating
from app.plans.models import PriceVersion
from app.plans.rating import Scheme

HOUR = timedelta(hours=1)
_NAME = re.compile(r"(?a)\d{4}-\d\d-\d\dT\d\d")
_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class HourUsed:
    """An hour of a line. calls: lines of the ledger. quantities: of each of the line's metrics. nanos: what of the line
    is its; amount_minor: the same in whole minor units, as sharing.rounded divides the line.
    """

    begins_at: datetime
    calls: int
    quantities: Mapping[str, int]
    nanos: int
    amount_minor: int = 0

    @property
    def name(self) -> str:
        """“2026-11-22T14”."""
        return f"{self.begins_at:%Y-%m-%dT%H}"


@dataclass(frozen=True, slots=True)
class Least:
    """How a minimum's line came about, in minor units: missing = least - used. use_key: of the line with that use, ""
    where nothing was used.
    """

    least_minor: int
    used_minor: int
    use_key: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A line with its hours, newest first. rest_nanos, rest_minor: what of the line is no hour's: all of a fee and of
    what a minimum lacks; and what calls that were taken back came to below zero, which nobody is paid. is_separate:
    whether the line's part of each call is worked out. least: of a minimum's line.
    """

    line: Line
    hours: tuple[HourUsed, ...]
    rest_nanos: int
    rest_minor: int
    least: Least | None
    is_separate: bool


@dataclass(frozen=True, slots=True)
class Counted:
    """A call with how much of the line's metrics it was charged for, and what of the line is its."""

    event: UsageEvent
    quantities: Mapping[str, int]
    nanos: int


@dataclass(frozen=True, slots=True)
class _Separate:
    """One metric of a charge that has a line for each."""

    metric: str
    scheme: Scheme


def opened(session: Session, organisation: Organisation, month: Month, key: str) -> Opened:
    """A line of the month and its hours, both from one reading of the ledger. Raises NotFound."""
    found = used.sums(
        session, organisation.id, since=month.begins_at, until=month.ends_at, by=(used.VERSION, used.HOUR)
    )
    quantities = used.quantities(found)
    made = gathering.gather(session, organisation.id, month, used_versions=quantities).bill(quantities)
    line = line_of(made, key)
    hours = _hours(session, line, [one for one in found if one.by[used.VERSION] in line.version_ids])
    rest = line.nanos - sum(one.nanos for one in hours)
    *minor, rest_minor = sharing.rounded(line.amount_minor, [*[one.nanos for one in hours], rest])
    shown = [_with_minor(one, share) for one, share in zip(hours, minor, strict=True)]
    is_separate = _separate(session, line) is not None
    return Opened(line, tuple(reversed(shown)), rest, rest_minor, _least(session, made, line), is_separate)


def line_of(made: Statement, key: str) -> Line:
    """Raises NotFound for a line that the statement does not have."""
    found = next((line for line in made.lines if line.key == key), None)
    if found is None:
        raise NotFound("There is no such line in this statement.")
    return found


def hour_named(name: str, line: Line) -> datetime:
    """Raises NotFound for what is no hour of the line's month, and for a line that has none."""
    try:
        at = datetime.strptime(name, "%Y-%m-%dT%H").replace(tzinfo=UTC) if _NAME.fullmatch(name) else None
    except ValueError:
        at = None
    if at is None or not line.begins_at <= at < line.ends_at or not line.quantities:
        raise NotFound("There is no such hour in this line.")
    return at


def calls(
    session: Session, organisation: Organisation, line: Line, hour_at: datetime, *, limit: int, before: str | None
) -> list[Counted]:
    """Of one hour, newest receipts first. before: only those older than this receipt."""
    part = _separate(session, line)
    ends = _until(session, organisation, line, hour_at, part, before=before) if part is not None else 0
    return _page(session, organisation, line, hour_at, part, limit=limit, before=before, ends=ends)


def every_call(session: Session, organisation: Organisation, line: Line, hour_at: datetime) -> Iterator[Counted]:
    """All of one hour, in the same order."""
    part = _separate(session, line)
    before: str | None = None
    ends = _until(session, organisation, line, hour_at, part, before=None) if part is not None else 0
    while page := _page(session, organisation, line, hour_at, part, limit=_BATCH, before=before, ends=ends):
        yield from page
        before = page[-1].event.id
        ends -= sum(one.quantities[part.metric] for one in page) if part is not None else 0


def _least(session: Session, made: Statement, line: Line) -> Least | None:
    if line.kind != MINIMUM:
        return None
    version = session.get_one(PriceVersion, line.version_ids[0])
    least = amounts.to_minor(meters.schemes_of(version)[line.metric].minimum_nanos)
    use_key = statement.key_of(version.id, "amount")
    has_use = any(one.key == use_key for one in made.lines)
    return Least(least, least - line.amount_minor, use_key if has_use else "")


def _separate(session: Session, line: Line) -> _Separate | None:
    if len(line.version_ids) != 1 or not line.metric:
        return None
    version = session.get_one(PriceVersion, line.version_ids[0])
    is_one_of_several = version.plan_version_id is not None and len(meters.of_charge(version, "")) > 1
    return _Separate(line.metric, meters.schemes_of(version)[line.metric]) if is_one_of_several else None


def _hours(session: Session, line: Line, found: list[used.Sum]) -> list[HourUsed]:
    """Oldest first; at most those of a month."""
    if not line.quantities:
        return []
    rows: dict[datetime, list[used.Sum]] = {}
    for one in found:
        rows.setdefault(one.by[used.HOUR], []).append(one)
    part, before, hours = _separate(session, line), 0, []
    for begins_at, sums in sorted(rows.items()):
        quantities = _of_line(line, [(one.by[used.VERSION], one.quantities) for one in sums])
        nanos = sum(one.nanos for one in sums)
        if part is not None:
            nanos = rating.change(before, quantities[part.metric], part.scheme)
            before += quantities[part.metric]
        hours.append(HourUsed(begins_at, sum(one.calls for one in sums), quantities, nanos))
    return hours


def _with_minor(hour: HourUsed, amount_minor: int) -> HourUsed:
    return HourUsed(hour.begins_at, hour.calls, hour.quantities, hour.nanos, amount_minor)


def _of_line(line: Line, found: list[tuple[UUID, Mapping[str, int]]]) -> dict[str, int]:
    """Only what the line charges for: a price counts what it has a part for. Prices with their quantities go in."""
    totals = dict.fromkeys(line.quantities, 0)
    places = {(part.version_id, part.metric) for part in line.parts}
    for version_id, quantities in found:
        for metric in totals:
            if (version_id, metric) in places:
                totals[metric] += quantities[metric]
    return totals


def _page(
    session: Session,
    organisation: Organisation,
    line: Line,
    hour_at: datetime,
    part: _Separate | None,
    *,
    limit: int,
    before: str | None,
    ends: int,
) -> list[Counted]:
    """ends: of a separate metric, what the month had used of it up to `before`."""
    conditions = used.charged(organisation.id, since=hour_at, until=hour_at + HOUR, versions=line.version_ids)
    asked = select(UsageEvent).where(*conditions).order_by(col(UsageEvent.id).desc()).limit(limit)
    if before is not None:
        asked = asked.where(UsageEvent.id < before)
    events = list(session.exec(asked))
    most, rows = _most(session, line), []
    for event in events:
        version_id = event.price_version_id
        assert version_id is not None  # only calls by the line's prices are asked for
        row, mine = event.model_dump(), most.get(version_id, {})
        counted = {metric: metrics.billable(metric, row, most=mine.get(metric)) for metric in line.quantities}
        quantities = _of_line(line, [(version_id, counted)])
        nanos = event.amount_nanos
        if part is not None:
            ends -= quantities[part.metric]
            nanos = rating.change(ends, quantities[part.metric], part.scheme)
        rows.append(Counted(event, quantities, nanos))
    return rows


def _until(
    session: Session, organisation: Organisation, line: Line, hour_at: datetime, part: _Separate, *, before: str | None
) -> int:
    """What of the metric the month had used in earlier hours, and in this one by receipts older than `before`."""
    quantity = func.coalesce(func.sum(billable.quantity(part.metric, _most(session, line))), 0)

    def within(since: datetime, until: datetime) -> sa.Select[int]:
        conditions = used.charged(organisation.id, since=since, until=until, versions=line.version_ids)
        return sa.select(quantity).where(*conditions)

    mine = within(hour_at, hour_at + HOUR)
    if before is not None:
        mine = mine.where(col(UsageEvent.id) < before)
    earlier = session.execute(within(line.begins_at, hour_at)).scalar_one()
    return int(earlier) + int(session.execute(mine).scalar_one())


def _most(session: Session, line: Line) -> billable.Most:
    statement_ = sa.select(col(PriceVersion.id), col(PriceVersion.max_per_call)).where(
        col(PriceVersion.id).in_(line.version_ids)
    )
    return {version_id: bounds or {} for version_id, bounds in session.execute(statement_)}
