"""Lines of months' closed invoices, beside what the meters were told and what we make of it.

A month is closed when Stripe has closed its invoice, whatever the time is here: the two clocks need not agree.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, select

from app.billing import credit_notes, cutting, invoices, recounting, statement
from app.billing.bill import Priced
from app.billing.catalogue import PRICE
from app.billing.comparing import Billed
from app.billing.meters import MICRO, Book
from app.billing.models import BillingAccount, Invoice, StripeObject
from app.billing.recounting import Place, Sent
from app.billing.usage_models import DELIVERED, StripeOutbox, UsageCut
from app.core import moments
from app.plans import amounts, periods

CLOSED = ("open", "paid", "uncollectible")
THERE_AFTER = timedelta(hours=26)
"""After a month's end: by then its invoice is closed, and a webhook or a sweep has brought it."""
RECENT = timedelta(days=33)
"""Months that ended longer ago than this are late by the calendar anyway."""


@dataclass(frozen=True, slots=True)
class _Metered:
    """A line of an invoice that bills a meter's count."""

    invoice: Invoice
    event_name: str
    month_at: datetime
    line: dict[str, Any]

    @property
    def ends_month(self) -> bool:
        """Whether nothing of the month is left to bill behind it."""
        return int(self.line["period_end"]) >= periods.end_of(periods.MONTH, self.month_at).timestamp()


def closed_months(session: Session, account: BillingAccount, *, now: datetime) -> frozenset[datetime]:
    """Beginnings of months whose use no meter can bill any more: Stripe has closed the invoice, as far as was heard,
    or some of it has gone onto the next one already.
    """
    since = periods.start_of(periods.MONTH, now - RECENT)
    late = select(UsageCut.month_at).where(
        UsageCut.organisation_id == account.organisation_id,
        UsageCut.mode == account.mode,
        col(UsageCut.month_at) >= since,
        col(UsageCut.event_name).startswith(cutting.LATE_STEM, autoescape=True),
    )
    return frozenset(one.month_at for one in _metered(session, account, since=since) if one.ends_month).union(
        session.exec(late)
    )


def compare(
    session: Session, account: BillingAccount, book: Book, told: Sent, *, since: datetime, now: datetime
) -> list[Billed]:
    """Meters beside the invoices of months from `since` on that are closed."""
    lines: dict[Place, list[_Metered]] = defaultdict(list)
    for one in _metered(session, account, since=since):
        if one.invoice.state in CLOSED:
            lines[one.event_name, one.month_at].append(one)
    room = _credited(session, lines)
    found: list[Billed] = []
    for place in sorted({*lines, *[one for one in told.places() if not recounting.is_late(one[0])]}):
        event_name, month_at = place
        of_it = lines.get(place, [])
        is_closed = any(one.ends_month for one in of_it)
        if not is_closed and now < periods.end_of(periods.MONTH, month_at) + THERE_AFTER:
            continue
        counted = sum(row.value for row in told.unbilled(place) if row.state == DELIVERED)
        amount = sum(int(one.line["amount"]) for one in of_it)
        due = rated(book, event_name, counted, month_at=month_at)
        found.append(
            Billed(
                event_name=event_name,
                month_at=month_at,
                lines=len(of_it),
                quantity=sum(int(one.line["quantity"] or 0) for one in of_it),
                amount=amount,
                counted=counted,
                rated=due,
                is_closed=is_closed,
                credited=_take(room, {one.invoice.id for one in of_it}, amount - due),
            )
        )
    return found


def came_late(rows: Iterable[StripeOutbox], quantity: int) -> list[StripeOutbox] | None:
    """Which of the ranges that Stripe has counted it has counted after it closed an invoice of `quantity`; None where
    that is not what the first of them come to, because then something else is wrong.
    """
    ordered = sorted(rows, key=lambda row: (row.delivered_at or row.created_at, row.first_seq))
    so_far = 0
    for index, row in enumerate(ordered):
        if so_far == quantity:
            return ordered[index:]
        so_far += row.value
    return [] if so_far == quantity else None


def rated(book: Book, event_name: str, counted: int, *, month_at: datetime) -> int:
    """What a meter's count of a month costs, in minor units, as the bill's line of it would."""
    if recounting.step_of(event_name) == MICRO:
        return amounts.to_minor(counted * MICRO)
    meter = book.meter_of(event_name)
    if meter is None or meter.scheme is None:
        return 0
    priced = Priced(UUID(int=0), meter.label, meter.currency, {meter.metric: meter.scheme})
    made = statement.of_month(
        begins_at=month_at,
        ends_at=periods.end_of(periods.MONTH, month_at),
        priced=[priced],
        quantities={priced.version_id: {meter.metric: counted}},
    )
    return sum(line.amount_minor for line in made.lines)


def added(book: Book, event_name: str, month_at: datetime, told: int, quantity: int) -> int:
    """What a month costs more than the line of a meter bills of it, in minor units: both are rounded once, so that the
    line and what comes late are together what the statement says. told: in the meter's units; quantity: all that was
    used.
    """
    is_money = recounting.step_of(event_name) == MICRO
    whole = amounts.to_minor(quantity) if is_money else rated(book, event_name, quantity, month_at=month_at)
    return whole - rated(book, event_name, told, month_at=month_at)


def _credited(session: Session, lines: dict[Place, list[_Metered]]) -> dict[str, int]:
    """What credit notes took back, by invoice."""
    found = credit_notes.of_invoices(session, {one.invoice.id for of_it in lines.values() for one in of_it})
    return {invoice_id: sum(note.amount for note in notes) for invoice_id, notes in found.items()}


def _take(room: dict[str, int], invoice_ids: set[str], wanted: int) -> int:
    """Up to what is wanted of what the invoices' notes took back; each cent counts for one meter alone."""
    taken = 0
    for invoice_id in sorted(invoice_ids & room.keys()):
        part = max(0, min(room[invoice_id], wanted - taken))
        room[invoice_id] -= part
        taken += part
    return taken


def _metered(session: Session, account: BillingAccount, *, since: datetime) -> Iterator[_Metered]:
    """Lines of meters on all invoices but drafts."""
    prices = select(StripeObject.id, StripeObject.key).where(
        StripeObject.mode == account.mode, StripeObject.kind == PRICE
    )
    names = {id_: key for id_, key in session.exec(prices) if _is_meter(key)}
    for invoice in _invoices(session, account, since=since):
        for line in invoice.lines:
            month_at = periods.start_of(periods.MONTH, moments.of(line["period_start"]))
            ends_at = moments.of(line["period_end"])
            if line["price"] in names and month_at >= since and ends_at <= invoice.created_at:
                yield _Metered(invoice, names[line["price"]], month_at, line)


def _invoices(session: Session, account: BillingAccount, *, since: datetime) -> list[Invoice]:
    statement = select(Invoice).where(
        Invoice.organisation_id == account.organisation_id,
        Invoice.mode == account.mode,
        col(Invoice.created_at) >= since,
        Invoice.state != invoices.DRAFT,
    )
    return list(session.exec(statement.order_by(col(Invoice.created_at), col(Invoice.id))))


def _is_meter(key: str) -> bool:
    """Prices on meters are named as these; fees begin otherwise (app/billing/offers.py)."""
    return key.startswith("postern_")
