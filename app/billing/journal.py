"""The journal of prepaid credit, double entry: groups whose sides sum to 0, added and never changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from app.billing.wallet_models import JournalEntry, JournalGroup


@dataclass(frozen=True, slots=True)
class Wallet:
    """An organisation's credit in one currency."""

    organisation_id: UUID
    currency: str


def write(
    session: Session,
    wallet: Wallet,
    *,
    kind: str,
    reference: str,
    sides: Mapping[str, int],
    words: str,
    now: datetime,
) -> None:
    """One group. sides: account to nano-minor-units. Raises ValueError unless they sum to 0."""
    if sum(sides.values()):
        raise ValueError(f"The sides of {reference} do not sum to 0.")
    group = JournalGroup(
        organisation_id=wallet.organisation_id, kind=kind, reference=reference, words=words[:200], at=now
    )
    session.add(group)
    session.flush()
    session.add_all(
        JournalEntry(group_id=group.id, account=account, currency=wallet.currency, nanos=nanos)
        for account, nanos in sides.items()
    )
    session.flush()
