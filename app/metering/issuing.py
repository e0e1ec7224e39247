"""Receipts for those who did not get theirs with the answer: made from the ledger, whenever they are asked for."""

from datetime import datetime
from typing import cast
from uuid import UUID

from sqlmodel import Session, select

from app.core.vault import Vault
from app.metering import ledger, receipts, signing
from app.metering.entry import Month
from app.metering.ledger import EventRow
from app.metering.models import UsageEvent, UsageMonth


def row_of(event: UsageEvent) -> EventRow:
    """A stored event as the row that it was written from."""
    return cast(EventRow, {name: getattr(event, name) for name in EventRow.__annotations__})


def receipt_of(session: Session, vault: Vault, *, organisation_id: UUID, receipt_id: str, now: datetime) -> str | None:
    """A receipt for the organisation's call, with the month's totals of now; None when the ledger has no such call."""
    statement = select(UsageEvent).where(UsageEvent.id == receipt_id, UsageEvent.organisation_id == organisation_id)
    event = session.exec(statement).first()
    if event is None:
        return None
    row = row_of(event)
    totals = session.get(UsageMonth, ledger.month_of(row))
    month = Month(totals.units, totals.amount_nanos) if totals is not None else None
    payload = receipts.payload(row, month=month, left_nanos=None)
    return receipts.sign([(receipt_id, payload)], signing.signer(session, vault, now=now))[0]
