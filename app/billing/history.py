"""What happened to an organisation's credit, month by month, as a bank statement would say it.

Each row changes the balance by what stands in the journal; what calls have used is one row a day, and what they have
used since it was last told apart by grant is one of its own. Amounts in nano-minor-units.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import case, func
from sqlmodel import Session, col, select

from app.billing import credit
from app.billing.credit import Left
from app.billing.months import Month, around
from app.billing.wallet_models import (
    EXPIRY,
    GIFT,
    GRANT,
    PAID,
    PROMOTIONAL,
    REFUND,
    REVERSAL,
    USAGE,
    JournalEntry,
    JournalGroup,
)

USED, UNBOOKED = "used", "unbooked"
KINDS = {
    PAID: "Topped up",
    PROMOTIONAL: "Promotion",
    GIFT: "Gift",
    EXPIRY: "Expired",
    REFUND: "Paid back",
    USED: "Used by calls",
    UNBOOKED: "Used by calls, being booked",
}
_CREDIT = col(JournalEntry.account).startswith("credit:")


@dataclass(frozen=True, slots=True)
class Row:
    """kind: of KINDS. at: for what calls used, the end of that day or of what is known of it. words: for people, ""
    where the kind says it all. nanos: the change; balance: what there was afterwards.
    """

    at: datetime
    kind: str
    words: str
    nanos: int
    balance: int

    @property
    def is_day(self) -> bool:
        """Whether it is about a whole day."""
        return self.kind == USED


def of_month(session: Session, organisation_id: UUID, currency: str, month: Month, *, now: datetime) -> list[Row]:
    """Newest first."""
    rows = [*_events(session, organisation_id, currency, month), *_days(session, organisation_id, currency, month, now)]
    if not month.is_over(now):
        rows += _unbooked(session, organisation_id, currency, now)
    rows.sort(key=lambda row: (row.at, row.kind == UNBOOKED, row.kind, row.nanos))
    balance = _balance_at(session, organisation_id, currency, month.begins_at)
    told: list[Row] = []
    for row in rows:
        balance += row.nanos
        told.append(replace(row, balance=balance))
    return told[::-1]


def month_before(session: Session, organisation_id: UUID, currency: str, month: Month) -> Month | None:
    """The last one before it in which anything happened."""
    latest = (
        select(func.max(JournalGroup.at))
        .join(JournalEntry, col(JournalEntry.group_id) == col(JournalGroup.id))
        .where(JournalGroup.organisation_id == organisation_id, JournalEntry.currency == currency)
        .where(col(JournalGroup.at) < month.begins_at)
    )
    found = session.exec(latest).one()
    return around(found) if found is not None else None


def next_expiry(left: Iterable[Left]) -> tuple[datetime, int] | None:
    """When something is going to expire next, and how much, if nothing more is used; None for never."""
    ending = [(one.grant.expires_at, one.nanos) for one in left if one.grant.expires_at is not None]
    first = min((at for at, _ in ending), default=None)
    return None if first is None else (first, sum(nanos for at, nanos in ending if at == first))


def _events(session: Session, organisation_id: UUID, currency: str, month: Month) -> list[Row]:
    source = func.max(case((~_CREDIT, JournalEntry.account)))
    change = func.sum(case((_CREDIT, JournalEntry.nanos), else_=0))
    statement = (
        sa.select(JournalGroup.at, JournalGroup.kind, JournalGroup.words, source, change)  # type: ignore[call-overload]
        .join(JournalEntry, col(JournalEntry.group_id) == col(JournalGroup.id))
        .where(*_within(organisation_id, currency, month.begins_at, month.ends_at))
        .where(col(JournalGroup.kind).not_in((USAGE, REVERSAL)))
        .group_by(JournalGroup.id, JournalGroup.at, JournalGroup.kind, JournalGroup.words)
    )
    rows = []
    for at, kind, words, given_as, nanos in session.execute(statement):
        shown = str(given_as) if kind == GRANT else kind
        if nanos:
            rows.append(Row(at, shown, "" if words == KINDS.get(shown) else words, int(nanos), 0))
    return rows


def _days(session: Session, organisation_id: UUID, currency: str, month: Month, now: datetime) -> list[Row]:
    day = func.date(JournalGroup.at, type_=sa.Date)  # in UTC on both: SQLite stores it so, connections are set to it
    statement = (
        sa.select(day, func.sum(JournalEntry.nanos))
        .join(JournalEntry, col(JournalEntry.group_id) == col(JournalGroup.id))
        .where(*_within(organisation_id, currency, month.begins_at, month.ends_at))
        .where(col(JournalGroup.kind).in_((USAGE, REVERSAL)), _CREDIT)
        .group_by(day)
    )
    return [Row(min(_end_of(on), now), USED, "", int(nanos), 0) for on, nanos in session.execute(statement) if nanos]


def _unbooked(session: Session, organisation_id: UUID, currency: str, now: datetime) -> list[Row]:
    nanos = credit.unbooked(session, organisation_id, currency)
    return [Row(now, UNBOOKED, "", -nanos, 0)] if nanos else []


def _balance_at(session: Session, organisation_id: UUID, currency: str, at: datetime) -> int:
    statement = (
        select(func.coalesce(func.sum(JournalEntry.nanos), 0))
        .join(JournalGroup, col(JournalEntry.group_id) == col(JournalGroup.id))
        .where(*_within(organisation_id, currency, None, at), _CREDIT)
    )
    return int(session.exec(statement).one())


def _within(
    organisation_id: UUID, currency: str, since: datetime | None, until: datetime
) -> list[sa.ColumnElement[bool]]:
    where = [
        col(JournalGroup.organisation_id) == organisation_id,
        col(JournalEntry.currency) == currency,
        col(JournalGroup.at) < until,
    ]
    return where if since is None else [*where, col(JournalGroup.at) >= since]


def _end_of(on: date) -> datetime:
    return datetime.combine(on, time(), tzinfo=UTC) + timedelta(days=1) - timedelta(microseconds=1)
