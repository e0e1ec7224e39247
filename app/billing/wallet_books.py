"""Whether our own books of prepaid credit agree: the journal, the grants, the counter that gateways keep, the ledger.

Amounts in nano-minor-units. Nothing is changed, and nobody is kept waiting: a wallet is held only to look once more at
what did not agree, since it may have changed between two looks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import func
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.billing.comparing import Difference
from app.billing.reconcile_models import VALUE
from app.billing.wallet_models import CreditGrant, JournalEntry, JournalGroup
from app.limits import prepaid

PREFIX = "credit, "
"""Of every finding's subject that is about prepaid credit."""
JOURNAL = "Journal and grants differ: something was changed by hand. Find what, and give or take the difference."

UNBALANCED = "Its sides do not sum to 0: write a group that undoes it."


@dataclass(frozen=True, slots=True)
class _Pair:
    subject: str
    ours: int
    theirs: int
    proposal: str


def wallets(session: Session) -> list[tuple[UUID, str]]:
    """(organisation, currency) of all there are, in order."""
    wallet = (col(CreditGrant.organisation_id), col(CreditGrant.currency))
    return [(one, currency) for one, currency in session.exec(select(*wallet).distinct().order_by(*wallet)).all()]


def compare(session: Session, organisation_id: UUID, currency: str) -> list[Difference]:
    """What does not agree in one wallet."""
    if not _differences(session, organisation_id, currency):
        return []
    prepaid.hold(session, organisation_id, currency)
    return _differences(session, organisation_id, currency)


def _differences(session: Session, organisation_id: UUID, currency: str) -> list[Difference]:
    pairs = [*_counter(session, organisation_id, currency), *_journal(session, organisation_id, currency)]
    return [
        Difference(VALUE, f"{PREFIX}{currency}: {one.subject}", one.ours, one.theirs, one.proposal)
        for one in pairs
        if one.ours != one.theirs
    ]


def _counter(session: Session, organisation_id: UUID, currency: str) -> Iterator[_Pair]:
    """ours: what our books say; theirs: what gateways go by."""
    counter = prepaid.counted(session, organisation_id, currency)
    kept = col(CreditGrant.nanos) - col(CreditGrant.expired_nanos) - col(CreditGrant.voided_nanos)
    said = "Give or take back credit, which sets it anew."
    yield _Pair("what may be spent", _sum(session, organisation_id, currency, kept), counter.most, said)
    ruled = prepaid.ruled(session, organisation_id, currency)
    if ruled is not None:
        yield _Pair("what the limit allows", counter.most, ruled, said)
    said = "The counter is not what the ledger's calls have cost. Compare with the ledger, and correct by an event."
    yield _Pair("what calls have cost", counter.ledger, counter.spent, said)


def _journal(session: Session, organisation_id: UUID, currency: str) -> Iterator[_Pair]:
    """ours: the journal; theirs: the grants."""
    accounts = _accounts(session, organisation_id, currency)
    for grant in session.exec(_grants(organisation_id, currency)).all():
        yield _Pair(f"what is left of {grant.id}", accounts.pop(grant.account, 0), grant.left_nanos, JOURNAL)
    for account, gone in (
        ("usage", CreditGrant.used_nanos),
        ("expired", CreditGrant.expired_nanos),
        ("refunded", CreditGrant.voided_nanos),
    ):
        total = _sum(session, organisation_id, currency, col(gone))
        yield _Pair(f"what is gone as “{account}”", accounts.pop(account, 0), total, JOURNAL)
    for group_id, total in session.execute(_unbalanced(organisation_id, currency)):
        yield _Pair(f"the sides of {group_id}", int(total), 0, UNBALANCED)


def _accounts(session: Session, organisation_id: UUID, currency: str) -> dict[str, int]:
    statement = (
        sa.select(JournalEntry.account, func.sum(JournalEntry.nanos))  # type: ignore[call-overload]
        .join(JournalGroup, col(JournalEntry.group_id) == col(JournalGroup.id))
        .where(JournalGroup.organisation_id == organisation_id, JournalEntry.currency == currency)
        .group_by(JournalEntry.account)
    )
    return {account: int(total) for account, total in session.execute(statement)}


def _unbalanced(organisation_id: UUID, currency: str) -> sa.Select[UUID, int]:
    total = func.sum(JournalEntry.nanos)
    return (
        sa.select(col(JournalEntry.group_id), total)
        .join(JournalGroup, col(JournalEntry.group_id) == col(JournalGroup.id))
        .where(col(JournalGroup.organisation_id) == organisation_id, col(JournalEntry.currency) == currency)
        .group_by(col(JournalEntry.group_id))
        .having(total != 0)
    )


def _grants(organisation_id: UUID, currency: str) -> SelectOfScalar[CreditGrant]:
    statement = select(CreditGrant).where(CreditGrant.organisation_id == organisation_id)
    return statement.where(CreditGrant.currency == currency).execution_options(populate_existing=True)


def _sum(session: Session, organisation_id: UUID, currency: str, column: sa.SQLColumnExpression[int]) -> int:
    statement = select(func.coalesce(func.sum(column), 0)).where(
        CreditGrant.organisation_id == organisation_id, CreditGrant.currency == currency
    )
    return int(session.exec(statement).one())
