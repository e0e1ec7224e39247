"""Behind a line of a bill: its hours, behind an hour its calls, and the call itself."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.billing import used
from app.billing.bill import Line, Statement
from app.core.errors import NotFound
from app.metering.models import UsageEvent
from app.organisations.models import Organisation
from app.plans import metrics
from app.plans.models import PriceVersion

HOUR = timedelta(hours=1)
_NAME = re.compile(r"(?a)\d{4}-\d\d-\d\dT\d\d")
_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class HourUsed:
    """An hour of a line. quantity: of the line's metric, None where it has several. nanos: what its calls cost."""

    begins_at: datetime
    calls: int
    quantity: int | None
    nanos: int

    @property
    def name(self) -> str:
        """“2026-11-22T14”."""
        return f"{self.begins_at:%Y-%m-%dT%H}"


@dataclass(frozen=True, slots=True)
class Counted:
    """A call with how much of the line's metric it was charged for."""

    event: UsageEvent
    quantity: int | None


def line_of(statement: Statement, key: str) -> Line:
    """Raises NotFound for a line that the statement does not have."""
    found = next((line for line in statement.lines if line.key == key), None)
    if found is None:
        raise NotFound("There is no such line in this statement.")
    return found


def hour_named(name: str, line: Line) -> datetime:
    """Raises NotFound for what is no hour of the line's month."""
    try:
        at = datetime.strptime(name, "%Y-%m-%dT%H").replace(tzinfo=UTC) if _NAME.fullmatch(name) else None
    except ValueError:
        at = None
    if at is None or not line.begins_at <= at < line.ends_at:
        raise NotFound("There is no such hour in this line.")
    return at


def hours(session: Session, organisation: Organisation, line: Line) -> list[HourUsed]:
    """The hours in which something was charged for it, newest first; at most those of a month."""
    if line.fee is not None or not line.version_ids:
        return []
    found = used.sums(
        session,
        organisation.id,
        since=line.begins_at,
        until=line.ends_at,
        by=(used.HOUR,),
        versions=line.version_ids,
    )
    rows = [
        HourUsed(one.by[used.HOUR], one.calls, one.quantities[line.metric] if line.metric else None, one.nanos)
        for one in found
    ]
    return sorted(rows, key=lambda row: row.begins_at, reverse=True)


def calls(
    session: Session, organisation: Organisation, line: Line, hour_at: datetime, *, limit: int, before: str | None
) -> list[Counted]:
    """Of one hour, newest receipts first. before: only those older than this receipt."""
    statement = _events(organisation, line, hour_at).order_by(col(UsageEvent.id).desc()).limit(limit)
    if before is not None:
        statement = statement.where(UsageEvent.id < before)
    return _counted(session, line, list(session.exec(statement)))


def every_call(session: Session, organisation: Organisation, line: Line, hour_at: datetime) -> Iterator[Counted]:
    """All of one hour, in the same order."""
    before: str | None = None
    while page := calls(session, organisation, line, hour_at, limit=_BATCH, before=before):
        yield from page
        before = page[-1].event.id


def event_of(session: Session, organisation: Organisation, receipt: str) -> UsageEvent:
    """One of the organisation's calls. Raises NotFound, for somebody else's as well."""
    found = session.exec(
        select(UsageEvent).where(UsageEvent.id == receipt, UsageEvent.organisation_id == organisation.id)
    ).first()
    if found is None:
        raise NotFound("There is no such call in your ledger.")
    return found


def _events(organisation: Organisation, line: Line, hour_at: datetime) -> SelectOfScalar[UsageEvent]:
    conditions = used.charged(organisation.id, since=hour_at, until=hour_at + HOUR, versions=line.version_ids)
    return select(UsageEvent).where(*conditions)


def _counted(session: Session, line: Line, events: list[UsageEvent]) -> list[Counted]:
    if not line.metric:
        return [Counted(event, None) for event in events]
    most = {
        version_id: bounds.get(line.metric)
        for version_id, bounds in session.execute(
            select(PriceVersion.id, PriceVersion.max_per_call).where(col(PriceVersion.id).in_(line.version_ids))
        )
    }
    return [
        Counted(event, metrics.billable(line.metric, event.model_dump(), most=most.get(event.price_version_id)))
        for event in events
    ]
