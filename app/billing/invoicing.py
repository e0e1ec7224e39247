"""Lines of closed months' invoices, beside what the meters were told and what we make of it."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, select

from app.billing import comparing, recounting, statement
from app.billing.bill import Priced
from app.billing.catalogue import PRICE
from app.billing.comparing import Billed
from app.billing.findings import Dated
from app.billing.meters import MICRO, Book
from app.billing.models import BillingAccount, Invoice, StripeObject
from app.billing.recounting import Place, Sent
from app.billing.usage_models import DELIVERED
from app.plans import amounts, periods

CLOSED = ("open", "paid", "uncollectible")
THERE_AFTER = timedelta(hours=26)
"""After a month's end: by then its invoice is closed, and a webhook or a sweep has brought it."""


def compare(
    session: Session, account: BillingAccount, book: Book, told: Sent, *, since: datetime, now: datetime
) -> list[Dated]:
    """What differs on the invoices of months from `since` on that are closed."""
    lines = _lines(session, account, since=since)
    found: list[Dated] = []
    for place in sorted({*lines, *[one for one in told.places() if not recounting.is_late(one[0])]}):
        event_name, month_at = place
        if now < periods.end_of(periods.MONTH, month_at) + THERE_AFTER:
            continue
        counted = sum(row.value for row in told.rows_of(place) if row.state == DELIVERED)
        of_it = lines.get(place, [])
        billed = Billed(
            event_name=event_name,
            month_at=month_at,
            lines=len(of_it),
            quantity=sum(int(line["quantity"] or 0) for line in of_it),
            amount=sum(int(line["amount"]) for line in of_it),
            counted=counted,
            rated=rated(book, event_name, counted, month_at=month_at),
        )
        found += [(month_at, each) for each in comparing.of_billed(billed)]
    return found


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


def _lines(session: Session, account: BillingAccount, *, since: datetime) -> dict[Place, list[dict[str, Any]]]:
    """Metered lines by meter and month."""
    prices = select(StripeObject.id, StripeObject.key).where(
        StripeObject.mode == account.mode, StripeObject.kind == PRICE
    )
    names = {id_: key for id_, key in session.exec(prices) if _is_meter(key)}
    found: dict[Place, list[dict[str, Any]]] = defaultdict(list)
    for invoice in _invoices(session, account, since=since):
        for line in invoice.lines:
            month_at = periods.start_of(periods.MONTH, datetime.fromtimestamp(line["period_start"], UTC))
            ends_at = datetime.fromtimestamp(line["period_end"], UTC)
            if line["price"] in names and month_at >= since and ends_at <= invoice.created_at:
                found[names[line["price"]], month_at].append(line)
    return dict(found)


def _invoices(session: Session, account: BillingAccount, *, since: datetime) -> Iterator[Invoice]:
    statement = select(Invoice).where(
        Invoice.organisation_id == account.organisation_id,
        Invoice.mode == account.mode,
        col(Invoice.created_at) >= since,
        col(Invoice.state).in_(CLOSED),
    )
    yield from session.exec(statement.order_by(col(Invoice.created_at), col(Invoice.id)))


def _is_meter(key: str) -> bool:
    """Prices on meters are named as these; fees begin otherwise (app/billing/offers.py)."""
    return key.startswith("postern_")
