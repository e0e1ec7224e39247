"""Topping up by itself: what is agreed to, when more is to be bought, and what stops it.

One payment for each time that credit runs low, one at a time for each organisation, never more in a month than was
agreed to, and none after a card was declined until there is another card or somebody switches it on again. How the
money is asked for: app/billing/charging.py.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from app.billing import bought, customers, top_up_mail, topping_up
from app.billing.desk import Desk
from app.billing.models import BillingAccount
from app.billing.payment_models import AUTOMATIC, UNDER_WAY, AutoTopUp, CreditPayment
from app.billing.stripe_api import Found
from app.billing.topping_up import Range
from app.core import audit
from app.core.errors import Conflict, Invalid
from app.limits import prepaid
from app.limits.models import LimitRule
from app.organisations import closing
from app.organisations.models import Organisation
from app.plans import amounts
from app.plans.amounts import NANOS

PAGE = 200


def of(session: Session, organisation_id: UUID, mode: str) -> AutoTopUp | None:
    """What was agreed to, on or off; None for nothing ever."""
    return session.get(AutoTopUp, (organisation_id, mode))


def payer_of(desk: Desk) -> BillingAccount:
    """Whose card is charged. Raises Conflict where there is none, or credit would not be used."""
    topping_up.refuse_other_plans(desk)
    payer = desk.account()
    if payer is None or not payer.card:
        raise Conflict("There is no card that may be charged. Top up once, and have the card kept.")
    return payer


def agree(
    session: Session,
    *,
    organisation: Organisation,
    mode: str,
    terms: Range,
    below: int,
    amount: int,
    month_most: int,
    person_id: UUID | None,
    now: datetime,
) -> AutoTopUp:
    """Switch it on, or change it; what had stopped goes on. Amounts in minor units.

    Raises Invalid for what would buy again and again: one payment has to bring credit back to where it is enough; and
    Conflict while the organisation is being deleted.
    """
    closing.refuse(organisation)
    wrong = problems(terms, below=below, amount=amount, month_most=month_most)
    if wrong:
        raise Invalid(" ".join(wrong.values()))
    auto = of(session, organisation.id, mode) or AutoTopUp(
        organisation_id=organisation.id, mode=mode, currency="", below=0, amount=0, month_most=0, agreed_at=now
    )
    auto.currency, auto.below, auto.amount, auto.month_most = terms.currency, below, amount, month_most
    auto.is_on, auto.agreed_by, auto.agreed_at = True, person_id, now
    _go_on(auto)
    session.add(auto)
    agreed = {"below": below, "amount": amount, "month_most": month_most}
    details = {name: amounts.recorded(minor * NANOS, currency=terms.currency) for name, minor in agreed.items()}
    audit.record(
        session,
        action="credit.top_up_agreed",
        now=now,
        organisation_id=organisation.id,
        person_id=person_id,
        details=details,
    )
    session.flush()
    return auto


def problems(terms: Range, *, below: int, amount: int, month_most: int) -> dict[str, str]:
    """What is wrong with such terms, by the name of what has to be another amount."""
    found = {}
    if below < 1:
        found["below"] = f"Write an amount above nothing, such as {terms.shown(terms.least)}."
    if not terms.least <= amount <= terms.most:
        found["amount"] = f"Choose an amount from {terms.shown(terms.least)} to {terms.shown(terms.most)}."
    elif amount < below:
        found["amount"] = f"Buy at least {terms.shown(below)}, or more would be bought again at once."
    if month_most < amount:
        found["month_most"] = f"Allow at least {terms.shown(amount)}, which is one payment."
    return found


def switch_off(session: Session, *, organisation_id: UUID, mode: str, person_id: UUID | None, now: datetime) -> None:
    """Buy nothing by itself any more; what is on its way comes."""
    auto = of(session, organisation_id, mode)
    if auto is None or not auto.is_on:
        return
    auto.is_on = False
    _go_on(auto)
    session.add(auto)
    audit.record(session, action="credit.top_up_off", now=now, organisation_id=organisation_id, person_id=person_id)
    session.flush()


def switch_all_off(session: Session, *, organisation_id: UUID, now: datetime) -> None:
    """The same in every mode, for an organisation that is deleted."""
    going = select(AutoTopUp).where(AutoTopUp.organisation_id == organisation_id, col(AutoTopUp.is_on))
    for auto in session.exec(going).all():
        switch_off(session, organisation_id=organisation_id, mode=auto.mode, person_id=None, now=now)


def is_wanted(session: Session, auto: AutoTopUp | None) -> bool:
    """Whether more is to be bought by itself: it is on, and its organisation is not being deleted."""
    return auto is not None and auto.is_on and session.get_one(Organisation, auto.organisation_id).closes_at is None


def apply_customer(session: Session, found: Found, now: datetime) -> None:
    """Know a customer's card as Stripe has it; another one than was declined lets things go on."""
    customers.apply(session, found, now)
    account = customers.account_by_customer(session, str(found.get("id", "")))
    auto = of(session, account.organisation_id, account.mode) if account is not None else None
    method = (found.get("invoice_settings") or {}).get("default_payment_method")
    card = str(method["id"]) if isinstance(method, dict) else str(method or "")
    if auto is not None and auto.stopped_why and card and card != auto.stopped_card:
        _go_on(auto)
        session.add(auto)
        session.flush()


def begin_due(session: Session, mode: str, *, now: datetime) -> int:
    """A payment for each organisation whose credit runs low, each in a transaction of its own; gives how many."""
    begun, after = 0, None
    while page := _page(session, mode, after):
        after = page[-1].organisation_id
        for auto in _low(session, page):
            try:
                begun += begin(session, auto.organisation_id, mode, now=now)
                session.commit()
            except IntegrityError:  # another worker has just begun it
                session.rollback()
    return begun


def begin(session: Session, organisation_id: UUID, mode: str, *, now: datetime) -> bool:
    """Write down that more is to be bought, if it is; nothing is asked of Stripe. Gives whether it was."""
    mine = (col(AutoTopUp.organisation_id) == organisation_id, col(AutoTopUp.mode) == mode)
    session.execute(update(AutoTopUp).where(*mine).values(is_on=AutoTopUp.is_on))  # one after the other, from here on
    auto = session.get(AutoTopUp, (organisation_id, mode), populate_existing=True)
    if (
        auto is None
        or not is_wanted(session, auto)
        or auto.stopped_why
        or under_way(session, organisation_id, mode) is not None
    ):
        return False
    # Only now: a payment that was still under way a moment ago may have brought credit since.
    if not _low(session, [auto]):
        return False
    if is_at_most(session, auto, now=now):
        so_far = bought.this_month(session, organisation_id, mode, now=now)
        top_up_mail.tell_at_most(session, auto, bought=so_far, now=now)
        return False
    session.add(
        CreditPayment(
            organisation_id=organisation_id,
            mode=mode,
            kind=AUTOMATIC,
            currency=auto.currency,
            amount=auto.amount,
            due_at=now,
            created_at=now,
        )
    )
    session.flush()
    return True


def under_way(session: Session, organisation_id: UUID, mode: str) -> CreditPayment | None:
    """The one payment that was begun by itself and has not come to its end."""
    statement = select(CreditPayment).where(
        CreditPayment.organisation_id == organisation_id,
        CreditPayment.mode == mode,
        CreditPayment.kind == AUTOMATIC,
        col(CreditPayment.state).in_(UNDER_WAY),
    )
    return session.exec(statement).first()


def is_at_most(session: Session, auto: AutoTopUp, *, now: datetime) -> bool:
    """Whether one more payment would be more than was agreed to for this month."""
    return bought.this_month(session, auto.organisation_id, auto.mode, now=now) + auto.amount > auto.month_most


def _go_on(auto: AutoTopUp) -> None:
    auto.stopped_why, auto.stopped_card, auto.stopped_at = "", "", None


def _page(session: Session, mode: str, after: UUID | None) -> list[AutoTopUp]:
    statement = (
        select(AutoTopUp)
        .join(BillingAccount, col(BillingAccount.organisation_id) == col(AutoTopUp.organisation_id))
        .join(Organisation, col(Organisation.id) == col(AutoTopUp.organisation_id))
        .where(AutoTopUp.mode == mode, BillingAccount.mode == mode, col(AutoTopUp.is_on), AutoTopUp.stopped_why == "")
        .where(col(Organisation.closes_at).is_(None))
    )
    if after is not None:
        statement = statement.where(col(AutoTopUp.organisation_id) > after)
    return list(session.exec(statement.order_by(col(AutoTopUp.organisation_id)).limit(PAGE)))


def _low(session: Session, some: list[AutoTopUp]) -> list[AutoTopUp]:
    """Those with less credit than they want; organisations on another plan use none, so they run out of none."""
    rules = {prepaid.counter_of(auto.organisation_id, auto.currency).rule_id: auto for auto in some}
    ruled = session.exec(select(LimitRule.id).where(col(LimitRule.id).in_(rules))).all()
    left = prepaid.left(session, ruled)
    return [rules[one] for one in ruled if left.get(one, 0) < rules[one].below * NANOS]
