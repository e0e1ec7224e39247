"""Credit whose price was given back, by a refund or in a dispute: as much of it goes as is left.

Never below zero: what was used stays used, and operators are told of it.
"""

from datetime import datetime

from sqlmodel import Session, col, select

from app.billing import findings, wallet
from app.billing.comparing import Difference
from app.billing.payment_models import CreditPayment
from app.billing.reconcile_models import EXTRA
from app.billing.stripe_api import Found
from app.billing.wallet_models import PAID, CreditGrant
from app.core import audit
from app.organisations.models import Organisation
from app.plans import amounts
from app.plans.amounts import NANOS

BACK = ("won", "prevented", "warning_needs_response", "warning_under_review", "warning_closed")
"""Disputes in these states have not taken any money, or have brought it back."""


def asked_back(payment: Found, disputes: list[Found], amount: int) -> int:
    """How much of the credit was paid back, in nanos: the part of it that the money is of what was charged, with tax.

    amount: of credit, in minor units.
    """
    charge = payment.get("latest_charge") or {}
    charged = int(charge.get("amount_captured") or 0)
    if charged <= 0:
        return 0
    gone = int(charge.get("amount_refunded") or 0)
    gone += sum(int(one["amount"]) for one in disputes if one["status"] not in BACK)
    return amount * NANOS * min(gone, charged) // charged


def follow(session: Session, row: CreditPayment, asked: int, *, now: datetime) -> None:
    """Have so many nanos of a payment's credit asked back in all, whatever was before. The wallet is locked."""
    more = asked - row.asked_back_nanos
    if more > 0:
        taken = _take(session, row, more, asked, now)
        row.asked_back_nanos, row.taken_back_nanos = asked, row.taken_back_nanos + taken
        if taken < more:
            _tell_operators(session, row, now)
    elif more < 0:
        _return(session, row, asked, now)


def grants_of(session: Session, row: CreditPayment) -> list[CreditGrant]:
    """What a payment has credited: first for its money, then again after disputes."""
    references = [row.reference, *[_reference(row, number) for number in range(1, row.returns + 1)]]
    statement = select(CreditGrant).where(col(CreditGrant.reference).in_(references))
    return list(session.exec(statement.order_by(col(CreditGrant.created_at), col(CreditGrant.reference))))


def _take(session: Session, row: CreditPayment, wanted: int, asked: int, now: datetime) -> int:
    taken = 0
    for grant in grants_of(session, row):
        if taken < wanted:
            reference = f"{grant.reference}:{row.returns}:{asked}"
            taken += wallet.take_back(
                session, grant=grant, nanos=wanted - taken, reference=reference, words="Paid back", now=now
            )
    return taken


def _return(session: Session, row: CreditPayment, asked: int, now: datetime) -> None:
    """A dispute was won: what it took comes back, as a grant of its own; the journal is never changed."""
    back = max(0, row.taken_back_nanos - asked)
    row.returns += 1
    row.asked_back_nanos, row.taken_back_nanos = asked, row.taken_back_nanos - back
    if back:
        wallet.give(
            session,
            organisation=session.get_one(Organisation, row.organisation_id),
            currency=row.currency,
            nanos=back,
            kind=PAID,
            reference=_reference(row, row.returns),
            words="Given back: a dispute was decided for this payment",
            now=now,
        )


def _reference(row: CreditPayment, number: int) -> str:
    return f"{row.reference}:back:{number}"


def _tell_operators(session: Session, row: CreditPayment, now: datetime) -> None:
    """More was paid back than was left to take away: somebody has used what they got back the price of."""
    ours, theirs = amounts.to_minor(row.taken_back_nanos), amounts.to_minor(row.asked_back_nanos)
    subject = f"refund beyond what was left, {row.payment_id}"
    proposal = "Its credit was used before it was paid back. Ask for the difference, or let it go."
    difference = Difference(EXTRA, subject, ours, theirs, proposal)
    findings.record(session, row.mode, row.organisation_id, [(None, difference)], now=now)
    short = amounts.recorded(row.asked_back_nanos - row.taken_back_nanos, currency=row.currency)
    audit.record(
        session,
        action="credit.paid_back_beyond",
        now=now,
        organisation_id=row.organisation_id,
        subject_id=row.id,
        details={"short": short, "payment": str(row.payment_id)},
    )
