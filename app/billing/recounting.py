"""Our own figures for reconciliation: what the sealed ledger comes to, recomputed, and what was cut and sent of it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlmodel import Session, col
from sqlmodel import select as pick

from app.billing import cutting
from app.billing.comparing import Books
from app.billing.cutting import Added
from app.billing.meters import Book
from app.billing.models import BillingAccount
from app.billing.usage_models import LATE, METERED, REFUSED, WAITING, StripeOutbox, UsageCut, UsageMark
from app.core import ids
from app.metering import ledger
from app.plans import periods

PAGE = 2_000
LONGEST_CALL = timedelta(days=1)
OVERDUE = timedelta(hours=6)

Place = tuple[str, datetime]
"""A meter's event name, and the month."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An account's figures at one moment. mark: up to which link its chain was cut."""

    mark: int
    cuts: Sequence[UsageCut]
    rows: Sequence[StripeOutbox]

    def places(self) -> set[Place]:
        """Of everything that was cut or sent."""
        of_cuts = {(one.event_name, one.month_at) for one in self.cuts}
        return of_cuts | {(one.event_name, one.month_at) for one in self.rows}

    def metered(self, place: Place) -> list[StripeOutbox]:
        """Those of them that a meter was told."""
        return [row for row in self.rows_of(place) if row.kind == METERED]

    def unbilled(self, place: Place) -> list[StripeOutbox]:
        """Those but for what was too late for the month's invoice and became items on the next."""
        items = {(row.first_seq, row.last_seq) for row in self.rows_of(place) if row.kind == LATE}
        return [row for row in self.metered(place) if (row.first_seq, row.last_seq) not in items]

    def rows_of(self, place: Place) -> list[StripeOutbox]:
        """The ranges of a meter and month, in their order."""
        return [row for row in self.rows if (row.event_name, row.month_at) == place]


def is_late(event_name: str) -> bool:
    """Whether it is for invoice items, and no meter."""
    return event_name.startswith(cutting.LATE_STEM)


def sent(session: Session, account: BillingAccount, *, since: datetime) -> Sent:
    """What was cut and sent of months from `since` on; ends the transaction, in which nobody cuts meanwhile."""
    statement = update(UsageMark).where(
        col(UsageMark.organisation_id) == account.organisation_id, col(UsageMark.mode) == account.mode
    )
    session.execute(statement.values(seq=UsageMark.seq))
    mark = session.get(UsageMark, (account.organisation_id, account.mode))
    cuts = session.exec(
        pick(UsageCut).where(
            UsageCut.organisation_id == account.organisation_id,
            UsageCut.mode == account.mode,
            col(UsageCut.month_at) >= since,
        )
    ).all()
    rows = session.exec(
        pick(StripeOutbox)
        .where(
            StripeOutbox.organisation_id == account.organisation_id,
            StripeOutbox.mode == account.mode,
            col(StripeOutbox.month_at) >= since,
        )
        .order_by(col(StripeOutbox.first_seq), col(StripeOutbox.created_at))
    ).all()
    session.commit()
    return Sent(mark.seq if mark is not None else 0, cuts, rows)


def recount(session: Session, account: BillingAccount, book: Book, told: Sent, *, since: datetime) -> dict[Place, int]:
    """What the ledger comes to, up to where it was cut: quantities by meter and month."""
    closed = _last_metered(told.cuts)
    found: dict[Place, int] = defaultdict(int)
    for event in _events(session, account.organisation_id, since=since, until_seq=told.mark):
        month_at = periods.start_of(periods.MONTH, event["at"])
        is_in_time = event["seq"] <= closed.get(month_at, 0)
        for portion in book.portions(event):
            name = portion.event_name if is_in_time else portion.late().event_name
            found[name, month_at] += portion.quantity
    return dict(found)


def books(told: Sent, ledgers: Mapping[Place, int], *, added: Added, now: datetime) -> Iterator[Books]:
    """Our figures side by side, for every place where there are any. added: what late usage costs."""
    cuts = {(one.event_name, one.month_at): one for one in told.cuts}
    for place in sorted(told.places() | set(ledgers)):
        rows, cut = told.rows_of(place) if is_late(place[0]) else told.metered(place), cuts.get(place)
        unbilled = rows if is_late(place[0]) else told.unbilled(place)
        overdue = [row.value for row in rows if row.state == WAITING and now - row.created_at > OVERDUE]
        yield Books(
            event_name=place[0],
            month_at=place[1],
            ledger=ledgers.get(place, 0),
            cut=cut.quantity if cut else 0,
            step=step_of(place[0]),
            shipped=cut.shipped if cut else 0,
            told=sum(row.value for row in rows),
            refused=sum(row.value for row in unbilled if row.state == REFUSED),
            overdue=sum(overdue),
            late=_late(told, ledgers, place, added=added) if is_late(place[0]) else None,
        )


def _late(told: Sent, ledgers: Mapping[Place, int], place: Place, *, added: Added) -> int:
    """What the late usage of a meter and month comes to, in minor units."""
    meter = (place[0].removeprefix(cutting.LATE_STEM), place[1])
    quantity = ledgers.get(meter, 0) + ledgers.get(place, 0)
    return added(*meter, sum(row.value for row in told.metered(meter)), quantity)


def step_of(event_name: str) -> int:
    """How much of a quantity is one of what is told."""
    return 1 if is_late(event_name) else Book.step_of(event_name)


def send_missing(
    session: Session, account: BillingAccount, found: Books, missing: int, *, seq: int, now: datetime
) -> None:
    """One more range of what was never sent, and the figures of what was cut set to the ledger's."""
    place = (account.organisation_id, account.mode, found.month_at, found.event_name)
    cut = session.get(UsageCut, place) or UsageCut(
        organisation_id=place[0], mode=place[1], month_at=place[2], event_name=place[3], quantity=0, shipped=0
    )
    cut.quantity, cut.shipped, cut.last_seq = found.ledger, found.told + missing, max(cut.last_seq, seq)
    session.add(cut)
    stem = cutting.identifier_of(account, found.event_name, found.month_at, found.told, found.told + missing)
    session.add(
        StripeOutbox(
            mode=account.mode,
            organisation_id=account.organisation_id,
            customer_id=account.customer_id,
            event_name=found.event_name,
            month_at=found.month_at,
            identifier=f"h{stem}"[:100],
            first_seq=seq,
            last_seq=seq,
            value=missing,
            at=max(found.month_at, min(now, periods.end_of(periods.MONTH, found.month_at) - timedelta(seconds=1))),
            due_at=now,
            created_at=now,
        )
    )
    session.flush()


def _last_metered(cuts: Sequence[UsageCut]) -> dict[datetime, int]:
    """Up to which link each month's usage went to meters; what is behind it came too late for them."""
    found: dict[datetime, int] = {}
    for cut in cuts:
        if not is_late(cut.event_name):
            found[cut.month_at] = max(found.get(cut.month_at, 0), cut.last_seq)
    return found


def _events(session: Session, organisation_id: UUID, *, since: datetime, until_seq: int) -> Iterator[dict[str, Any]]:
    """Sealed events from `since` on, page by page."""
    after = ids.lowest_receipt(since - LONGEST_CALL)
    while True:
        statement = (
            select(ledger.EVENTS.c.id, cutting.SEALED.c.seq, *[ledger.EVENTS.c[name] for name in cutting.COLUMNS])
            .join(cutting.SEALED, cutting.SEALED.c.event_id == ledger.EVENTS.c.id)
            .where(
                ledger.EVENTS.c.organisation_id == organisation_id,
                ledger.EVENTS.c.id > after,
                cutting.SEALED.c.seq <= until_seq,
            )
            .order_by(ledger.EVENTS.c.id)
            .limit(PAGE)
        )
        page = session.execute(statement).mappings().all()
        yield from (dict(row) for row in page if row["at"] >= since)
        session.rollback()
        if len(page) < PAGE:
            return
        after = page[-1]["id"]
