"""What reconciliation mends by itself: what was never sent, and what Stripe has counted after it closed the invoice, or
refused to count.

Only where nothing else is wrong with the meter's month, and Stripe has counted exactly what it took; all else is for
people.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from app.billing import comparing, invoicing, recounting
from app.billing.comparing import Billed, Books
from app.billing.findings import Dated
from app.billing.meters import Book
from app.billing.models import BillingAccount
from app.billing.recounting import Place, Sent
from app.billing.usage_models import DELIVERED, LATE, REFUSED, WAITING, StripeOutbox
from app.plans import periods

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """All that was looked at of an account. counted: what Stripe has of each meter and month."""

    ours: Sequence[Books]
    told: Sent
    counted: Mapping[Place, int]
    billed: Sequence[Billed]
    found: Sequence[Dated]

    def of(self, place: Place) -> list[Dated]:
        """What was found about a meter's month."""
        return [one for one in self.found if one[1].subject.startswith(f"{place[0]}, ") and one[0] == place[1]]

    def is_quiet(self, place: Place) -> bool:
        """Whether nothing is on its way, and Stripe has exactly what it took."""
        rows = self.told.metered(place)
        took = sum(row.value for row in rows if row.state == DELIVERED)
        return all(row.state in (DELIVERED, REFUSED) for row in rows) and self.counted.get(place, 0) == took


def heal(session: Session, account: BillingAccount, book: Book, seen: Seen, *, now: datetime) -> list[Dated]:
    """What is left of the findings for people."""
    healed: list[Dated] = []
    closed = invoicing.closed_months(session, account, now=now)
    for one in seen.ours:
        is_over = one.month_at in closed or now >= periods.end_of(periods.MONTH, one.month_at)
        if not is_over and not recounting.is_late(one.event_name):
            healed += _send_missing(session, account, one, seen, now=now)
    for billed in seen.billed:
        if billed.is_closed:
            healed += _bill_late(session, account, book, billed, seen, now=now)
    return [one for one in seen.found if one not in healed]


def _send_missing(session: Session, account: BillingAccount, books: Books, seen: Seen, *, now: datetime) -> list[Dated]:
    place = (books.event_name, books.month_at)
    found = seen.of(place)
    missing = sum(each.never_sent for _, each in found)
    if not missing or len(found) != 1 or not seen.is_quiet(place):
        return []
    recounting.send_missing(session, account, books, missing, seq=seen.told.mark, now=now)
    log.warning("reconcile.healed", extra={"place": found[0][1].subject, "value": missing})
    return found


def _bill_late(
    session: Session, account: BillingAccount, book: Book, billed: Billed, seen: Seen, *, now: datetime
) -> list[Dated]:
    """Items on the next invoice for ranges that were too late for theirs; gives the findings that end by it.

    Each costs what it adds to what was billed, so that all together come to what the month costs.
    """
    place = (billed.event_name, billed.month_at)
    found, left = seen.of(place), seen.told.unbilled(place)
    about_it = {comparing.invoice_subject(*place), comparing.refused_subject(*place)}
    late = invoicing.came_late([row for row in left if row.state == DELIVERED], billed.quantity)
    if late is None or not seen.is_quiet(place) or not {each.subject for _, each in found} <= about_it:
        return []
    before = billed.quantity + sum(row.value for row in seen.told.metered(place)) - sum(row.value for row in left)
    for row in [*late, *[row for row in left if row.state == REFUSED]]:
        sums = [
            invoicing.rated(book, row.event_name, count, month_at=row.month_at)
            for count in (before, before + row.value)
        ]
        session.add(_item(account, row, sums[1] - sums[0], now=now))
        before += row.value
        log.warning("reconcile.late", extra={"range": row.identifier, "value": row.value})
    session.flush()
    return found


def _item(account: BillingAccount, row: StripeOutbox, amount: int, *, now: datetime) -> StripeOutbox:
    """amount: minor units. What costs nothing is not asked for."""
    return StripeOutbox(
        kind=LATE,
        mode=row.mode,
        organisation_id=row.organisation_id,
        customer_id=row.customer_id,
        event_name=row.event_name,
        month_at=row.month_at,
        identifier=f"l{row.identifier}"[:100],
        first_seq=row.first_seq,
        last_seq=row.last_seq,
        value=amount,
        currency=account.currency,
        at=row.at,
        due_at=now,
        created_at=now,
        state=WAITING if amount else DELIVERED,
        delivered_at=None if amount else now,
    )
