"""Receipts for those who did not get theirs with the answer: made from the ledger, whenever they are asked for."""

from datetime import datetime
from typing import cast
from uuid import UUID

from sqlmodel import Session, select

from app.core.vault import Vault
from app.metering import receipts, signing
from app.metering.ledger import EventRow
from app.metering.models import UsageEvent


def row_of(event: UsageEvent) -> EventRow:
    """A stored event as the row that it was written from."""
    return cast(EventRow, {name: getattr(event, name) for name in EventRow.__annotations__})


def receipt_of(session: Session, vault: Vault, *, organisation_id: UUID, receipt_id: str, now: datetime) -> str | None:
    """A receipt for the organisation's call; None when the ledger has no such call.

    Without totals: those of the moment when it was written down are not kept, and later ones would be another claim.
    """
    statement = select(UsageEvent).where(UsageEvent.id == receipt_id, UsageEvent.organisation_id == organisation_id)
    event = session.exec(statement).first()
    if event is None:
        return None
    payload = receipts.payload(row_of(event), month=None, left_nanos=None)
    return receipts.sign([(receipt_id, payload)], signing.signer(session, vault, now=now))[0]
