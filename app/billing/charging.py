"""Asking Stripe for the money of a top-up that happens by itself, with nobody there.

First a payment is made that nobody is charged for, and its id written down; then exactly that one is confirmed. So
whatever is lost on the way, a payment can be made twice, but never be paid twice: before each step Stripe is asked how
things are. One that was declined is not tried again.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from app.billing import automatic, customers, payments, stopping
from app.billing.models import BillingAccount
from app.billing.payment_models import AUTOMATIC, DECLINED, DROPPED, ERROR_LENGTH, PAID, UNDER_WAY, CreditPayment
from app.billing.problems import Declined, StripeAway, StripeRefused
from app.billing.stripe_api import Found, StripeApi, key_for
from app.core.errors import PosternError

log = logging.getLogger(__name__)

AT_ONCE = 50
LONGEST_PAUSE = timedelta(minutes=5)
LOOKS_AGAIN = timedelta(minutes=1)
"""For money that is on its way."""
LOOKS_BACK_S = 86_400
NO_CARD = "There is no card to charge."
NO_ADDRESS = "Taxes cannot be worked out for your address. Correct it on the billing page."
NOWHERE = "customer_tax_location_invalid"
"""What Stripe calls it that it cannot tell where a customer is."""


def run(engine: Engine, api: StripeApi, *, takes_tax: bool = False, clock: Callable[[], datetime]) -> int:
    """Begin what is due, and go on with what was begun; gives how many payments were looked at.

    takes_tax: whether Stripe is to work out what tax comes on top.
    """
    with Session(engine) as session:
        automatic.begin_due(session, api.mode, now=clock())
    with Session(engine) as session:
        waiting = _waiting(session, api.mode, now=clock())
    for payment_id in waiting:
        _one(engine, api, payment_id, takes_tax=takes_tax, clock=clock)
    return len(waiting)


def _waiting(session: Session, mode: str, *, now: datetime) -> list[UUID]:
    statement = select(CreditPayment.id).where(
        CreditPayment.mode == mode,
        CreditPayment.kind == AUTOMATIC,
        col(CreditPayment.state).in_(UNDER_WAY),
        col(CreditPayment.due_at) <= now,
    )
    return list(session.exec(statement.order_by(col(CreditPayment.due_at)).limit(AT_ONCE)))


def _one(engine: Engine, api: StripeApi, payment_id: UUID, *, takes_tax: bool, clock: Callable[[], datetime]) -> None:
    with Session(engine, expire_on_commit=False) as session:
        payment = session.get_one(CreditPayment, payment_id)
        account = customers.account_of(session, payment.organisation_id, payment.mode)
        is_wanted = automatic.is_wanted(session, automatic.of(session, payment.organisation_id, payment.mode))
    if account is None:
        return
    try:
        found = _asked(engine, api, payment, account, takes_tax=takes_tax, is_wanted=is_wanted)
    except (StripeRefused, Declined) as problem:
        _end(engine, payment, DECLINED, problem.message, now=clock())
    except PosternError as problem:
        _postpone(engine, payment, problem.message, now=clock())
    else:
        _apply(engine, payment, found, now=clock())


def _asked(
    engine: Engine,
    api: StripeApi,
    payment: CreditPayment,
    account: BillingAccount,
    *,
    takes_tax: bool,
    is_wanted: bool,
) -> Found:
    """How the payment stands at Stripe once everything was done for it that can be; {} if it is not wanted any more.

    Raises Declined, StripeRefused and StripeAway.
    """
    if payment.payment_id is None:
        known = _known(api, payment, account) if payment.tries else None
        if known is None and not is_wanted:
            return {}
        made = known or _made(api, payment, account, _taxed(api, payment, account) if takes_tax else {})
        if not _keep(engine, payment, str(made["id"])):
            raise StripeAway("Another worker has asked for this payment.")
    found = payments.fetch(api, str(payment.payment_id))
    if not found or not _is_open(found["payment"]):
        return found
    if not is_wanted:
        key = key_for("top-up-cancel", payment.id)
        api.post(api.v1.payment_intents.cancel, str(payment.payment_id), params={}, key=key)
        return payments.fetch(api, str(payment.payment_id))
    return _confirmed(api, payment, account)


def _known(api: StripeApi, payment: CreditPayment, account: BillingAccount) -> Found | None:
    """It was asked for before, and nothing was heard: it may be there."""
    since = int(payment.created_at.timestamp()) - LOOKS_BACK_S
    params = {"customer": account.customer_id, "created": {"gte": since}}
    named = str(payment.id)
    for found in api.every(api.v1.payment_intents.list, params=params):
        if (found.get("metadata") or {}).get("credit_payment_id") == named:
            return found
    return None


def _taxed(api: StripeApi, payment: CreditPayment, account: BillingAccount) -> Found:
    """What of a payment is different with tax on top, as Stripe works it out for where the customer is; it keeps its
    books of that tax by itself, also when the payment is refunded. Raises StripeRefused where it cannot be worked out.
    """
    line = {"amount": payment.amount, "reference": "credit", "tax_behavior": "exclusive"}
    params = {"currency": payment.currency, "customer": account.customer_id, "line_items": [line]}
    key = key_for("top-up-tax", payment.id, payment.tries)
    try:
        found = api.post(api.v1.tax.calculations.create, params=params, key=key)
    except StripeRefused as problem:
        if problem.code == NOWHERE:
            raise StripeRefused(NO_ADDRESS, code=problem.code) from problem
        raise
    return {"amount": int(found["amount_total"]), "hooks": {"inputs": {"tax": {"calculation": str(found["id"])}}}}


def _made(api: StripeApi, payment: CreditPayment, account: BillingAccount, with_tax: Found) -> Found:
    """A payment that nobody is charged for yet: should another be there of which we do not hear, it stays so."""
    params: dict[str, object] = {
        "amount": payment.amount,
        "currency": payment.currency,
        "customer": account.customer_id,
        "description": payments.BOUGHT_WORDS,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "metadata": payments.said_of(payment.organisation_id, payment.id, kind=AUTOMATIC, amount=payment.amount),
        **with_tax,
    }
    if account.email:
        params["receipt_email"] = account.email
    return api.post(api.v1.payment_intents.create, params=params, key=key_for("top-up", payment.id, payment.tries))


def _keep(engine: Engine, payment: CreditPayment, payment_id: str) -> bool:
    """Which one it is, before it is confirmed, so that there is never a second."""
    with Session(engine) as session:
        statement = select(CreditPayment).where(CreditPayment.id == payment.id).with_for_update()
        row = session.exec(statement).one()
        row.payment_id = row.payment_id or payment_id
        payment.payment_id = row.payment_id
        session.add(row)
        session.commit()
    return payment.payment_id == payment_id


def _is_open(found: Found) -> bool:
    """Whether it can be paid, and nothing has come of it yet."""
    return found["status"] in ("requires_payment_method", "requires_confirmation") and not found["last_payment_error"]


def _confirmed(api: StripeApi, payment: CreditPayment, account: BillingAccount) -> Found:
    params = {"payment_method": _card(api, account), "off_session": True}
    key, place = key_for("top-up-confirm", payment.payment_id, payment.tries), str(payment.payment_id)
    try:
        api.post(api.v1.payment_intents.confirm, place, params=params, key=key)
    except (Declined, StripeRefused) as problem:
        found = payments.fetch(api, place)
        if found and _is_open(found["payment"]):
            raise  # refused before any card was asked, so there is nothing to be read there
        log.warning("top_up.refused", extra={"payment": place, "why": problem.message})
        return found
    return payments.fetch(api, place)


def _card(api: StripeApi, account: BillingAccount) -> str:
    """The customer's own, or the one that was kept last. Raises StripeRefused when there is none."""
    method = customers.fetch(api, account.customer_id)["invoice_settings"]["default_payment_method"]
    if method:
        return str(method["id"])
    kept = api.get(api.v1.customers.payment_methods.list, account.customer_id, params={"limit": 1})["data"]
    if not kept:
        raise StripeRefused(NO_CARD)
    return str(kept[0]["id"])


def _apply(engine: Engine, payment: CreditPayment, found: Found, *, now: datetime) -> None:
    if not found:
        _end(engine, payment, DROPPED, "", now=now)
        return
    with Session(engine) as session:
        payments.apply(session, found, now)
        row = session.get_one(CreditPayment, payment.id)
        row.due_at = now if row.state == PAID else now + LOOKS_AGAIN
        session.add(row)
        session.commit()


def _end(engine: Engine, payment: CreditPayment, state: str, why: str, *, now: datetime) -> None:
    with Session(engine) as session:
        row = session.get_one(CreditPayment, payment.id)
        if row.state not in UNDER_WAY:
            return
        row.state, row.error, row.ended_at = state, why[:ERROR_LENGTH], now
        session.add(row)
        if state == DECLINED:
            stopping.stop(session, row, card="", now=now)
        session.commit()


def _postpone(engine: Engine, payment: CreditPayment, why: str, *, now: datetime) -> None:
    with Session(engine) as session:
        row = session.get_one(CreditPayment, payment.id)
        row.tries += 1
        row.error = why[:ERROR_LENGTH]
        row.due_at = now + min(LONGEST_PAUSE, timedelta(seconds=2 ** min(row.tries, 10)))
        session.add(row)
        session.commit()
