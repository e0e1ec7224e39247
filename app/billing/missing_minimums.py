"""Minimums that reconciliation finds on no invoice though their month is closed."""

from collections import defaultdict
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from app.billing import minimums, months, usage
from app.billing.comparing import Difference
from app.billing.findings import Dated
from app.billing.invoicing import CLOSED, THERE_AFTER
from app.billing.models import BillingAccount, Invoice
from app.billing.months import Month
from app.billing.reconcile_models import LATE, MISSING
from app.billing.stripe_api import StripeApi

SETTLES = timedelta(minutes=15)
"""After an invoice was heard to be closed: by then what is missing is an item."""


def find(engine: Engine, api: StripeApi, account: BillingAccount, *, since: datetime, now: datetime) -> list[Dated]:
    """What is missing up to minimums of closed months from `since` on and is billed by nothing, or waits for an invoice
    that will not come. Asks Stripe where anything is owed.
    """
    with Session(engine, expire_on_commit=False) as session:
        closed = _closed(session, account, since=since, now=now)
        owed = {month: found for month in closed if (found := minimums.owed_in(session, account, month))}
        is_billed = usage.gets_bills(session, account, now=now)
    if not owed:
        return []
    billed: dict[tuple[str, str], int] = defaultdict(int)
    waiting: dict[tuple[str, str], int] = defaultdict(int)
    for item in api.every(api.v1.invoice_items.list, params={"customer": account.customer_id}):
        billed[minimums.month_and_key(item)] += int(item["amount"])
        if not item.get("invoice") and not is_billed:
            waiting[minimums.month_and_key(item)] += int(item["amount"])
    return [
        (month.begins_at, difference)
        for month, amounts in owed.items()
        for key, amount in amounts.items()
        for difference in _differences(month, key, amount, billed[month.name, key], waiting[month.name, key])
    ]


def _differences(month: Month, key: str, owed: int, billed: int, waiting: int) -> list[Difference]:
    subject = f"{key}, {month.name}, minimum"
    if billed < owed:
        proposal = "The worker adds it to the next invoice within a day: see why it does not, or write it off."
        return [Difference(MISSING, subject, owed, billed, proposal)]
    if waiting:
        proposal = "No invoice comes that it could be on: make one of it at Stripe, or write it off there."
        return [Difference(LATE, f"{subject}, waiting", waiting, 0, proposal)]
    return []


def _closed(session: Session, account: BillingAccount, *, since: datetime, now: datetime) -> list[Month]:
    """Months from `since` on whose invoice Stripe has closed, as far as was heard, or should have."""
    statement = select(Invoice.period_end).where(
        Invoice.organisation_id == account.organisation_id,
        Invoice.mode == account.mode,
        Invoice.reason == minimums.CYCLE,
        col(Invoice.state).in_(CLOSED),
        Invoice.updated_at <= now - SETTLES,
    )
    until = max(session.exec(statement), default=since)
    every = months.latest(since, now=now, limit=3)
    return [month for month in every if month.ends_at <= until or month.ends_at + THERE_AFTER <= now]
