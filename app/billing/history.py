"""What happened to an organisation's credit, month by month, as a bank statement would say it.

Each row changes the balance by what stands in the journal; what calls have used is one row a day, or one up to each
other change of that day, so that no balance is said that never was; what they have used since it was last told apart by
grant is one of its own. Amounts in nano-minor-units.
"""

from bisect import bisect_left
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
        """Whether it is about a day, or a part of one."""
        return self.kind == USED


def of_month(session: Session, organisation_id: UUID, currency: str, month: Month, *, now: datetime) -> list[Row]:
    """Newest first."""
    rows = _events(session, organisation_id, currency, month)
    rows += _used(session, organisation_id, currency, month, changes=[row.at for row in rows], now=now)
    if not month.is_over(now):
        rows += _unbooked(session, organisation_id, currency, now)
    rows.sort(key=lambda row: (row.at, row.kind == UNBOOKED, row.kind != USED, row.kind, row.nanos))
    balance = _balance_at(session, organisation_id, currency, month.begins_at)
    told: list[Row] = []
    for number, row in enumerate(rows):
        following = rows[number + 1] if number + 1 < len(rows) else None
        if row.kind == USED and balance + row.nanos < 0 and following is not None and following.at == row.at:
            rows[number], rows[number + 1] = following, row  # credit that came in the same moment was used at once
        balance += rows[number].nanos
        told.append(replace(rows[number], balance=balance))
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


def _used(
    session: Session, organisation_id: UUID, currency: str, month: Month, *, changes: Iterable[datetime], now: datetime
) -> list[Row]:
    """changes: when something else happened to it; what was used in that very moment was used before."""
    cuts = sorted({at for at in changes if month.begins_at <= at < month.ends_at})
    day = func.date(JournalGroup.at, type_=sa.Date)  # in UTC on both: SQLite stores it so, connections are set to it
    busy = {at.date() for at in cuts}
    where = [
        *_within(organisation_id, currency, month.begins_at, month.ends_at),
        col(JournalGroup.kind).in_((USAGE, REVERSAL)),
        _CREDIT,
    ]
    by_day = (
        sa.select(day, func.sum(JournalEntry.nanos))
        .join(JournalEntry, col(JournalEntry.group_id) == col(JournalGroup.id))
        .where(*where)
        .group_by(day)
    )
    used = {_end_of(on): int(nanos) for on, nanos in session.execute(by_day) if on not in busy}
    for on in busy:
        ends = [at for at in cuts if at.date() == on] + [_end_of(on)]
        one_by_one = (
            sa.select(JournalGroup.at, JournalEntry.nanos)  # type: ignore[call-overload]
            .join(JournalEntry, col(JournalEntry.group_id) == col(JournalGroup.id))
            .where(*where, col(JournalGroup.at) >= _start_of(on), col(JournalGroup.at) <= _end_of(on))
        )
        for at, nanos in session.execute(one_by_one):
            end = ends[bisect_left(ends, at)]
            used[end] = used.get(end, 0) + int(nanos)
    return [Row(min(at, now), USED, "", nanos, 0) for at, nanos in used.items() if nanos]


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


def _start_of(on: date) -> datetime:
    return datetime.combine(on, time(), tzinfo=UTC)


def _end_of(on: date) -> datetime:
    return _start_of(on) + timedelta(days=1) - timedelta(microseconds=1)
