"""Cutting the sealed ledger into closed ranges for Stripe's meters. Every sealed event is in one range of its meter.

A range never straddles a month, because a month is a billing period; its events lie between two links of the chain
and it is cut in the transaction that moves the mark, so none is cut twice or left out. What was cut is never cut again.
What comes after a month's invoice is closed (it waited on a gateway's disk, or Stripe's clock is ahead of ours) keeps
its true time, and goes onto the next invoice as money that names the old month: what it adds to the line that its meter
was billed by, so that line and items together are what that costs, rounded once. Once that has begun for a month, all
that follows of it goes the same way.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session
from sqlmodel import select as pick

from app.billing.models import BillingAccount
from app.billing.usage_models import LATE, METERED, StripeOutbox, UsageCut, UsageMark
from app.core import db
from app.metering import ledger
from app.metering.proof_models import SealedEvent
from app.plans import periods

PAGE = 5_000
CLOSES_AFTER = timedelta(minutes=45)
"""After a month's end: Stripe closes invoices an hour after it, and what is cut must still be sent."""
SEALED = db.metadata.tables[str(SealedEvent.__tablename__)]
COLUMNS = (
    "at",
    "price_version_id",
    "environment",
    "units",
    "tokens_in",
    "tokens_out",
    "bytes_in",
    "bytes_out",
    "upstream_us",
    "amount_nanos",
)


@dataclass(frozen=True, slots=True)
class Portion:
    """What one event adds to one of Stripe's meters. step: so many of `quantity` are one of the meter's units.
    currency: that it is paid in, for when it comes too late for the meter.
    """

    event_name: str
    quantity: int
    step: int = 1
    currency: str = ""

    def late(self) -> "Portion":
        """The same where it comes too late for the meter."""
        return replace(self, event_name=f"{LATE_STEM}{self.event_name}", step=1)


Portions = Callable[[Mapping[str, Any]], Iterable[Portion]]
"""What an event adds to which meters; nothing for what Stripe is not told of."""
Added = Callable[[str, datetime, int, int], int]
"""What a month costs more than the line of a meter bills of it, in minor units. Of the meter's event name, the month,
what the meter was told, and all that was used, also too late.
"""
LATE_STEM = "late_"


@dataclass(slots=True)
class _Range:
    kind: str
    quantity: int
    step: int
    currency: str
    first_seq: int
    last_seq: int
    latest_at: datetime


def cut(
    session: Session,
    account: BillingAccount,
    portions: Portions,
    *,
    added: Added,
    closed: Collection[datetime] = (),
    now: datetime,
) -> int:
    """Cut what has been sealed since the last time, at most PAGE events; gives how many were looked at. The caller
    commits, and asks again until it is 0. added: what late usage costs. closed: beginnings of months whose invoice
    Stripe has closed.
    """
    mark = _mark(session, account)
    rows = _sealed(session, account.organisation_id, after=mark.seq)
    if not rows:
        return 0
    ranges: dict[tuple[str, datetime], _Range] = {}
    for row in rows:
        month_at = periods.start_of(periods.MONTH, row.at)
        is_late = month_at in closed or now >= periods.end_of(periods.MONTH, month_at) + CLOSES_AFTER
        for portion in portions(dict(row._mapping)):
            if not is_late:
                _add(ranges, month_at, portion, row, kind=METERED)
            else:
                _add(ranges, month_at, portion.late(), row, kind=LATE)
    for (event_name, month_at), found in sorted(ranges.items()):
        _ship(session, account, event_name, month_at, found, added=added, now=now)
    mark.seq = rows[-1].seq
    session.add(mark)
    session.flush()
    return len(rows)


def identifier_of(account: BillingAccount, event_name: str, month_at: datetime, first_seq: int, last_seq: int) -> str:
    """The same for the same range, for ever; at most 100 characters, as Stripe wants it."""
    return f"{account.mode[0]}-{event_name}-{account.organisation_id.hex}-{month_at:%y%m}-{first_seq}-{last_seq}"[:100]


def _add(
    ranges: dict[tuple[str, datetime], _Range],
    month_at: datetime,
    portion: Portion,
    row: Row[tuple[object, ...]],
    *,
    kind: str,
) -> None:
    place = (portion.event_name, month_at)
    found = ranges.get(place)
    if found is None:
        ranges[place] = _Range(kind, portion.quantity, portion.step, portion.currency, row.seq, row.seq, row.at)
    else:
        found.quantity += portion.quantity
        found.last_seq = row.seq
        found.latest_at = max(found.latest_at, row.at)


def _ship(
    session: Session,
    account: BillingAccount,
    event_name: str,
    month_at: datetime,
    found: _Range,
    *,
    added: Added,
    now: datetime,
) -> None:
    """A meter has got the whole steps of all that was cut, and items what late usage adds: no remainder is lost, or
    told twice.
    """
    place = (account.organisation_id, account.mode, month_at, event_name)
    so_far = session.get(UsageCut, place) or UsageCut(
        organisation_id=account.organisation_id,
        mode=account.mode,
        month_at=month_at,
        event_name=event_name,
        quantity=0,
        shipped=0,
    )
    so_far.quantity += found.quantity
    if found.kind == LATE:
        meter = event_name.removeprefix(LATE_STEM)
        cut = session.get(UsageCut, (account.organisation_id, account.mode, month_at, meter))
        told, quantity = (cut.shipped, cut.quantity) if cut is not None else (0, 0)
        due = added(meter, month_at, told, quantity + so_far.quantity)
    else:
        due = so_far.quantity // found.step
    value = due - so_far.shipped
    so_far.shipped += value
    so_far.last_seq = found.last_seq
    session.add(so_far)
    if not value:
        return
    last_moment = periods.end_of(periods.MONTH, month_at) - timedelta(seconds=1)
    session.add(
        StripeOutbox(
            kind=found.kind,
            mode=account.mode,
            organisation_id=account.organisation_id,
            customer_id=account.customer_id,
            event_name=event_name,
            month_at=month_at,
            identifier=identifier_of(account, event_name, month_at, found.first_seq, found.last_seq),
            first_seq=found.first_seq,
            last_seq=found.last_seq,
            value=value,
            currency=found.currency if found.kind == LATE else "",
            at=min(found.latest_at, last_moment),
            due_at=now,
            created_at=now,
        )
    )


def _mark(session: Session, account: BillingAccount) -> UsageMark:
    """Locked before it is read, made if it is not there yet, so that two workers never cut the same."""
    place = {"organisation_id": account.organisation_id, "mode": account.mode}
    make = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    session.execute(make(UsageMark).values(**place, seq=0).on_conflict_do_nothing(index_elements=list(place)))
    session.execute(update(UsageMark).filter_by(**place).values(seq=UsageMark.seq))
    return session.exec(pick(UsageMark).filter_by(**place).execution_options(populate_existing=True)).one()


def _sealed(session: Session, organisation_id: UUID, *, after: int) -> list[Row[tuple[object, ...]]]:
    statement = (
        select(SEALED.c.seq, *[ledger.EVENTS.c[name] for name in COLUMNS])
        .join(ledger.EVENTS, ledger.EVENTS.c.id == SEALED.c.event_id)
        .where(SEALED.c.organisation_id == organisation_id, SEALED.c.seq > after)
        .order_by(SEALED.c.seq)
        .limit(PAGE)
    )
    return list(session.execute(statement))
