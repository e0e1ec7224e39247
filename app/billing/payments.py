"""Payments for credit, as Stripe has them now: credited once, and taken back as far as they were given back.

A payment at Stripe says what it is for, so that whatever tells us of it (coming back from Checkout, a webhook, the
hourly sweep, the worker that asked for it) comes to the same, in any order and any number of times.
"""

from datetime import datetime
from uuid import UUID, uuid4

from sqlmodel import Session, select

from app.billing import bought, customers, paid_back, stopping, top_up_mail, wallet
from app.billing.models import BillingAccount
from app.billing.payment_models import (
    AUTOMATIC,
    CHECKOUT,
    DECLINED,
    DROPPED,
    ERROR_LENGTH,
    PAID,
    PROCESSING,
    CreditPayment,
)
from app.billing.stripe_api import Found, StripeApi, key_for
from app.billing.wallet_models import PAID as BOUGHT
from app.core import clock
from app.organisations.models import Organisation
from app.plans.amounts import NANOS

BOUGHT_WORDS = "Prepaid credit, topped up automatically"
"""What receipts and invoices say of a payment that happened by itself."""
WORDS = {CHECKOUT: "Topped up", AUTOMATIC: "Topped up automatically"}


def said_of(organisation_id: UUID, payment_id: UUID, *, kind: str, amount: int) -> dict[str, str]:
    """What a payment at Stripe says of itself. amount: of credit, in minor units."""
    return {
        "for": "credit",
        "organisation_id": str(organisation_id),
        "credit_payment_id": str(payment_id),
        "kind": kind,
        "credit": str(amount),
    }


def is_for_credit(payment: Found) -> bool:
    """Whether it says so."""
    said = payment.get("metadata") or {}
    return said.get("for") == "credit" and {"organisation_id", "credit_payment_id", "kind", "credit"} <= said.keys()


def fetch(api: StripeApi, payment_id: str) -> Found:
    """{"payment", with its charge; "disputes"; "at": when it was asked}; {} for one that is for something else. Asks
    Stripe.

    A card that was to be kept becomes the one that its customer's payments are taken from.
    """
    at, params = clock.now(), {"expand": ["latest_charge"]}
    payment = api.get(api.v1.payment_intents.retrieve, payment_id, params=params)
    if not is_for_credit(payment):
        return {}
    charge = payment.get("latest_charge") or {}
    asked = {"payment_intent": payment_id}
    disputes = list(api.every(api.v1.disputes.list, params=asked)) if charge.get("disputed") else []
    _keep_card(api, payment)
    return {"payment": payment, "disputes": disputes, "at": at}


def fetch_of_charge(api: StripeApi, charge_id: str) -> Found:
    """The payment that a charge belongs to, as `fetch` gives it."""
    intent = api.get(api.v1.charges.retrieve, charge_id).get("payment_intent")
    return fetch(api, str(intent)) if intent else {}


def fetch_of_dispute(api: StripeApi, dispute_id: str) -> Found:
    """The payment that is disputed."""
    intent = api.get(api.v1.disputes.retrieve, dispute_id).get("payment_intent")
    return fetch(api, str(intent)) if intent else {}


def apply(session: Session, found: Found, now: datetime) -> None:
    """Make it so here. A payment of a customer that is not ours is nothing to us; so is {}."""
    payment = found.get("payment")
    account = customers.account_by_customer(session, str(payment.get("customer"))) if payment else None
    if payment is None or account is None or payment["metadata"]["organisation_id"] != str(account.organisation_id):
        return
    wallet.lock(session, account.organisation_id, str(payment["currency"]), now=now)
    row = _known(session, account, payment) or _new(session, account, payment, now)
    if row is None:
        return
    if row.seen_at is not None and row.seen_at > found["at"]:
        return  # somebody who asked later was quicker
    before, row.seen_at = row.state, found["at"]
    _know_state(row, payment, now)
    if row.state == DECLINED != before and row.kind == AUTOMATIC:
        stopping.stop(session, row, card=_declined_card(payment), now=now)
    session.add(row)
    if payment["status"] == "succeeded":
        _credit(session, account, row, now)
        _tell(session, row, before, payment, now)
        paid_back.follow(session, row, paid_back.asked_back(payment, found["disputes"], row.amount), now=now)
    session.flush()


def _keep_card(api: StripeApi, payment: Found) -> None:
    """Once for each payment: afterwards somebody may have chosen another card."""
    said, method = payment["metadata"], payment.get("payment_method")
    is_to_be_kept = payment["status"] == "succeeded" and payment.get("setup_future_usage") == "off_session"
    if not is_to_be_kept or not method or said.get("card") == "kept":
        return
    place, customer = str(payment["id"]), str(payment["customer"])
    params = {"invoice_settings": {"default_payment_method": method}}
    api.post(api.v1.customers.update, customer, params=params, key=key_for("keep-card", place))
    params = {"metadata": {"card": "kept"}}
    api.post(api.v1.payment_intents.update, place, params=params, key=key_for("card-kept", place))


def _known(session: Session, account: BillingAccount, payment: Found) -> CreditPayment | None:
    """Ours for it. The wallet is locked, so that nobody else makes it in the same moment."""
    statement = select(CreditPayment).where(CreditPayment.payment_id == str(payment["id"]))
    found = session.exec(statement.execution_options(populate_existing=True)).first()
    if found is not None:
        return found
    named = session.get(CreditPayment, UUID(payment["metadata"]["credit_payment_id"]), populate_existing=True)
    if named is None or named.payment_id is not None or named.organisation_id != account.organisation_id:
        return None
    named.payment_id = str(payment["id"])
    return named


def _new(session: Session, account: BillingAccount, payment: Found, now: datetime) -> CreditPayment | None:
    """For money that has come, or is on its way; None for a payment of which nothing has come."""
    if payment["status"] not in ("succeeded", "processing"):
        return None
    said = payment["metadata"]
    named = UUID(said["credit_payment_id"])
    return CreditPayment(
        id=named if session.get(CreditPayment, named) is None else uuid4(),
        organisation_id=account.organisation_id,
        mode=account.mode,
        kind=AUTOMATIC if said["kind"] == AUTOMATIC else CHECKOUT,
        currency=str(payment["currency"]),
        amount=int(said["credit"]),
        payment_id=str(payment["id"]),
        state=PROCESSING,
        due_at=now,
        created_at=now,
    )


def _know_state(row: CreditPayment, payment: Found, now: datetime) -> None:
    status, problem = payment["status"], payment.get("last_payment_error") or {}
    if row.state == PAID:
        return
    if status == "succeeded":
        row.state, row.error, row.ended_at = PAID, "", now
    elif status == "processing":
        row.state = PROCESSING
    elif status == "canceled":
        row.state, row.ended_at = DROPPED, row.ended_at or now
    elif problem or (status == "requires_action" and row.kind == AUTOMATIC):
        row.state, row.ended_at = DECLINED, row.ended_at or now
        row.error = str(problem.get("message") or "The bank asks the card’s owner, who is not there.")[:ERROR_LENGTH]


def _credit(session: Session, account: BillingAccount, row: CreditPayment, now: datetime) -> None:
    wallet.give(
        session,
        organisation=session.get_one(Organisation, account.organisation_id),
        currency=row.currency,
        nanos=row.amount * NANOS,
        kind=BOUGHT,
        reference=row.reference,
        words=WORDS[row.kind],
        now=now,
    )


def _tell(session: Session, row: CreditPayment, before: str, payment: Found, now: datetime) -> None:
    """Nobody was there when it was bought."""
    if row.kind == AUTOMATIC and before != PAID:
        room = bought.room(session, row.organisation_id, row.mode, now=now)
        top_up_mail.tell_made(session, row, payment, room=room, now=now)


def _declined_card(payment: Found) -> str:
    method = (payment.get("last_payment_error") or {}).get("payment_method")
    return str(method["id"]) if isinstance(method, dict) else str(method or "")
