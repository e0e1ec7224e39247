"""Prepaid credit against Stripe: every payment for it was credited, all that was credited was paid, and what was paid
back was taken back. Amounts in minor units; findings only, nothing is changed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from app.billing import findings, paid_back, payment_models, payments, wallet_books
from app.billing.comparing import Difference
from app.billing.findings import Dated
from app.billing.models import BillingAccount
from app.billing.payment_models import AUTOMATIC, UNDER_WAY, CreditPayment
from app.billing.reconcile_models import EXTRA, LATE, MISSING, VALUE
from app.billing.stripe_api import Found, StripeApi
from app.billing.wallet_books import PREFIX
from app.billing.wallet_models import PAID, CreditGrant
from app.plans import amounts

SETTLES = timedelta(minutes=15)
"""What is younger may be on its way to us."""
TOO_LONG = timedelta(hours=6)
ARRIVES = timedelta(days=15)
"""So late may money come: what was credited soon after `since` may be for payments that are older."""


@dataclass(frozen=True, slots=True)
class Paid:
    """What Stripe has of one account. payments: those for credit that succeeded, by id, with their disputes."""

    account: BillingAccount
    payments: dict[str, tuple[Found, list[Found]]]


def compare_books(engine: Engine, mode: str, *, now: datetime) -> int:
    """Every wallet with itself, each in a transaction of its own; gives how many there were."""
    with Session(engine) as session:
        there = wallet_books.wallets(session)
    for organisation_id, currency in there:
        with Session(engine) as session:
            found = [(None, one) for one in wallet_books.compare(session, organisation_id, currency)]
            seen = findings.record(session, mode, organisation_id, found, now=now)
            findings.end_named(session, mode, organisation_id, f"{PREFIX}{currency}: ", seen, now=now)
            session.commit()
    return len(there)


def compare_account(
    engine: Engine, api: StripeApi, account: BillingAccount, *, since: datetime, clock: Callable[[], datetime]
) -> int:
    """Payments of one account from `since` on; gives how many there were. Asks Stripe."""
    asked_at = clock()
    paid = fetch(api, account, since=since)
    until = asked_at - SETTLES
    with Session(engine) as session:
        found: list[Dated] = [
            (None, one)
            for one in (
                *_not_credited(session, paid, until),
                *_not_paid(session, paid, since, until),
                *_late(session, account, asked_at),
            )
        ]
        seen = findings.record(session, account.mode, account.organisation_id, found, now=asked_at)
        findings.end_named(session, account.mode, account.organisation_id, f"{PREFIX}payment ", seen, now=asked_at)
        session.commit()
    return len(paid.payments)


def fetch(api: StripeApi, account: BillingAccount, *, since: datetime) -> Paid:
    """Every payment for credit that has succeeded."""
    params = {"customer": account.customer_id, "created": {"gte": int(since.timestamp())}}
    found: dict[str, tuple[Found, list[Found]]] = {}
    for one in api.every(api.v1.payment_intents.list, params={**params, "expand": ["data.latest_charge"]}):
        if payments.is_for_credit(one) and one["status"] == "succeeded":
            asked = {"payment_intent": str(one["id"])}
            is_disputed = (one.get("latest_charge") or {}).get("disputed")
            disputes = list(api.every(api.v1.disputes.list, params=asked)) if is_disputed else []
            found[str(one["id"])] = (one, disputes)
    return Paid(account, found)


def _not_credited(session: Session, paid: Paid, until: datetime) -> Iterator[Difference]:
    grants = _grants_of(session, paid)
    rows = _rows_of(session, paid)
    for name, (payment, disputes) in sorted(paid.payments.items()):
        if int(payment["created"]) > until.timestamp():
            continue
        credited, bought = grants.get(name, 0), int(payment["metadata"]["credit"])
        mend = f"Run: postern credit apply {name}"
        if credited != bought:
            kind = VALUE if credited else EXTRA
            said = "Stripe was paid for another amount of credit." if credited else "Paid, and not credited."
            yield Difference(kind, f"{PREFIX}payment {name}", credited, bought, f"{said} {mend}")
        ours = rows[name].asked_back_nanos if name in rows else 0
        theirs = paid_back.asked_back(payment, disputes, bought)
        if credited and ours != theirs:
            subject = f"{PREFIX}payment {name}, paid back"
            said = f"Paid back otherwise than it was taken away. {mend}"
            yield Difference(VALUE, subject, amounts.to_minor(ours), amounts.to_minor(theirs), said)


def _not_paid(session: Session, paid: Paid, since: datetime, until: datetime) -> Iterator[Difference]:
    """Credited here for money that Stripe does not have."""
    account = paid.account
    statement = (
        select(CreditGrant)
        .where(CreditGrant.organisation_id == account.organisation_id, CreditGrant.kind == PAID)
        .where(col(CreditGrant.created_at) > since + ARRIVES, col(CreditGrant.created_at) <= until)
        .where(col(CreditGrant.reference).startswith("payment:"))
    )
    others = _of_other_modes(session, account)
    for grant in session.exec(statement.order_by(col(CreditGrant.reference))):
        name = grant.reference.removeprefix("payment:").partition(":")[0]
        if name not in paid.payments and name not in others:
            said = "Credited without a payment at Stripe. Find what was paid, or take the credit back."
            yield Difference(MISSING, f"{PREFIX}payment {name}, credited", amounts.to_minor(grant.nanos), 0, said)


def _late(session: Session, account: BillingAccount, now: datetime) -> Iterator[Difference]:
    """Automatic top-ups that are under way for too long, or have been paid for so long without an invoice."""
    mine = (
        CreditPayment.organisation_id == account.organisation_id,
        CreditPayment.mode == account.mode,
        CreditPayment.kind == AUTOMATIC,
        col(CreditPayment.created_at) < now - TOO_LONG,
    )
    for row in session.exec(select(CreditPayment).where(*mine, col(CreditPayment.state).in_(UNDER_WAY))):
        said = f"It waits for more than six hours: {row.error or 'the money is on its way'}"
        yield Difference(LATE, f"{PREFIX}payment {row.id}, waiting", row.amount, 0, said[:300])
    without = (CreditPayment.state == payment_models.PAID, ~col(CreditPayment.is_invoiced))
    for row in session.exec(select(CreditPayment).where(*mine, *without)):
        said = f"It is paid and has had no invoice for more than six hours: {row.error or 'the worker has not made it'}"
        yield Difference(LATE, f"{PREFIX}payment {row.id}, invoice", row.amount, 0, said[:300])


def _grants_of(session: Session, paid: Paid) -> dict[str, int]:
    """Payment to minor units of what it was credited with."""
    references = {f"payment:{name}": name for name in paid.payments}
    found = session.exec(select(CreditGrant).where(col(CreditGrant.reference).in_(references)))
    return {references[grant.reference]: amounts.to_minor(grant.nanos) for grant in found}


def _rows_of(session: Session, paid: Paid) -> dict[str, CreditPayment]:
    found = session.exec(select(CreditPayment).where(col(CreditPayment.payment_id).in_(list(paid.payments))))
    return {str(row.payment_id): row for row in found}


def _of_other_modes(session: Session, account: BillingAccount) -> set[str]:
    """Payments that are another Stripe's to know: nothing is said of them here."""
    where = (CreditPayment.organisation_id == account.organisation_id, CreditPayment.mode != account.mode)
    return {str(one) for one in session.exec(select(CreditPayment.payment_id).where(*where))}
