"""The invoice of a top-up that happened by itself, made once its money is there.

It takes no money and gives no credit: both have happened, and whatever becomes of it changes neither. An invoice is
made of what was bought and the taxes that were charged, and the payment is attached, so that it is paid from the
beginning. Before each step Stripe is asked how things are, so that any of them may be repeated.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from app.billing import customers, invoices, payments
from app.billing.models import BillingAccount
from app.billing.payment_models import AUTOMATIC, ERROR_LENGTH, PAID, CreditPayment
from app.billing.stripe_api import Found, StripeApi, key_for
from app.core.errors import Conflict, PosternError

log = logging.getLogger(__name__)

AT_ONCE = 50
LONGEST_PAUSE = timedelta(hours=1)
LOOKS_BACK_S = 86_400
PURPOSE = "top-up-invoice"
_STEPS = ("draft", "open", "uncollectible", "void", "paid")


def run(engine: Engine, api: StripeApi, *, clock: Callable[[], datetime]) -> int:
    """An invoice for each that has none yet; gives how many were looked at."""
    with Session(engine, expire_on_commit=False) as session:
        waiting = _waiting(session, api.mode, now=clock())
    for payment, account in waiting:
        _one(engine, api, payment, account, clock=clock)
    return len(waiting)


def _waiting(session: Session, mode: str, *, now: datetime) -> list[tuple[CreditPayment, BillingAccount]]:
    statement = select(CreditPayment).where(
        CreditPayment.mode == mode,
        CreditPayment.kind == AUTOMATIC,
        CreditPayment.state == PAID,
        ~col(CreditPayment.is_invoiced),
        col(CreditPayment.due_at) <= now,
    )
    found = session.exec(statement.order_by(col(CreditPayment.due_at)).limit(AT_ONCE)).all()
    accounts = [(one, customers.account_of(session, one.organisation_id, mode)) for one in found]
    return [(one, account) for one, account in accounts if account is not None]


def _one(
    engine: Engine, api: StripeApi, payment: CreditPayment, account: BillingAccount, *, clock: Callable[[], datetime]
) -> None:
    try:
        found = _made_whole(api, payment, account)
    except PosternError as problem:
        log.warning("top_up_invoice.waits", extra={"payment": payment.payment_id, "why": problem.message})
        _postpone(engine, payment.id, problem.message, now=clock())
        return
    with Session(engine) as session:
        invoices.apply(session, found, clock())
        row = session.get_one(CreditPayment, payment.id)
        row.is_invoiced, row.error = True, ""
        session.add(row)
        session.commit()


def _made_whole(api: StripeApi, payment: CreditPayment, account: BillingAccount) -> Found:
    """The payment's invoice, paid. Raises Conflict where one would come to something else than was paid."""
    paid = api.get(api.v1.payment_intents.retrieve, str(payment.payment_id))
    if customers.fetch(api, account.customer_id)["balance"]:
        raise Conflict("The customer has a balance at Stripe, which would be taken for the invoice.")
    invoice = _known(api, payment, account) or _begun(api, payment, account)
    place = str(invoice["id"])
    if invoice["status"] == "draft" and not invoice["lines"]["data"]:
        params: dict[str, object] = {"lines": [_line(api, payment, paid)]}
        invoice = api.post(api.v1.invoices.add_lines, place, params=params, key=_key("lines", payment))
    if invoice["status"] == "draft":
        if invoice["total"] != paid["amount_received"]:
            raise Conflict(f"The invoice comes to {invoice['total']}, and {paid['amount_received']} were paid.")
        advances: dict[str, object] = {"auto_advance": False}
        key = _key("final", payment)
        invoice = api.post(api.v1.invoices.finalize_invoice, place, params=advances, key=key)
    if invoice["status"] == "open":
        attached = {"payment_intent": str(payment.payment_id)}
        api.post(api.v1.invoices.attach_payment, place, params=attached, key=_key("attach", payment))
    return invoices.fetch(api, place)


def _known(api: StripeApi, payment: CreditPayment, account: BillingAccount) -> Found | None:
    """The one that was begun for it, the furthest if an answer was lost and there are more."""
    since = int(payment.created_at.timestamp()) - LOOKS_BACK_S
    params = {"customer": account.customer_id, "created": {"gte": since}}
    every = api.every(api.v1.invoices.list, params=params)
    found = [one for one in every if (one.get("metadata") or {}).get("credit_payment_id") == str(payment.id)]
    return max(found, key=lambda one: _STEPS.index(str(one["status"])), default=None)


def _begun(api: StripeApi, payment: CreditPayment, account: BillingAccount) -> Found:
    """A draft that nobody is charged for, and that nothing else comes onto."""
    params = {
        "customer": account.customer_id,
        "currency": payment.currency,
        "auto_advance": False,
        "collection_method": "charge_automatically",
        "pending_invoice_items_behavior": "exclude",
        "metadata": {"for": "credit", "credit_payment_id": str(payment.id)},
    }
    return api.post(api.v1.invoices.create, params=params, key=_key("begin", payment))


def _line(api: StripeApi, payment: CreditPayment, paid: Found) -> dict[str, object]:
    """What was bought, with the taxes as they were worked out for the payment; Stripe has those in its books."""
    line: dict[str, object] = {"amount": payment.amount, "description": payments.BOUGHT_WORDS}
    tax = ((paid.get("hooks") or {}).get("inputs") or {}).get("tax") or {}
    if tax.get("calculation"):
        found = api.get(api.v1.tax.calculations.retrieve, str(tax["calculation"]))
        line["tax_amounts"] = [_tax(one) for one in found["tax_breakdown"] if one["tax_rate_details"]["tax_type"]]
    return line


def _tax(found: Found) -> dict[str, object]:
    rate = found["tax_rate_details"]
    described = {
        "display_name": _name(str(rate["tax_type"])),
        "inclusive": bool(found["inclusive"]),
        "percentage": str(rate["percentage_decimal"]),
        "tax_type": rate["tax_type"],
        **{name: rate[name] for name in ("country", "state") if rate.get(name)},
    }
    return {
        "amount": int(found["amount"]),
        "taxable_amount": int(found["taxable_amount"]),
        "taxability_reason": found["taxability_reason"],
        "tax_rate_data": described,
    }


def _name(tax_type: str) -> str:
    """“VAT”, “Sales tax”: as people call it."""
    return tax_type.upper() if len(tax_type) <= len("NHIL") else tax_type.replace("_", " ").capitalize()


def _key(step: str, payment: CreditPayment) -> str:
    return key_for(f"{PURPOSE}-{step}", payment.id, payment.tries)


def _postpone(engine: Engine, payment_id: UUID, why: str, *, now: datetime) -> None:
    with Session(engine) as session:
        row = session.get_one(CreditPayment, payment_id)
        row.tries += 1
        row.error = why[:ERROR_LENGTH]
        row.due_at = now + min(LONGEST_PAUSE, timedelta(seconds=2 ** min(row.tries, 12)))
        session.add(row)
        session.commit()
