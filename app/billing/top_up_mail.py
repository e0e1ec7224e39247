"""Mail about automatic top-up that works: once for each payment, and once in a month that has reached its most."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session, select

from app.billing import alert_words, credit
from app.billing.payment_models import AutoTopUp, CreditPayment
from app.billing.stripe_api import Found
from app.core import mail
from app.core.mail import Mail, Words
from app.organisations.models import Organisation
from app.plans import amounts

PATH = "/billing/wallet/"


def tell_made(session: Session, row: CreditPayment, payment: Found, *, room: int | None, now: datetime) -> None:
    """It was paid and credited. payment: at Stripe, with its charge. room: what may still be bought so this month, in
    minor units; None where nothing was agreed to.
    """
    left = credit.balance(session, row.organisation_id, row.currency, at=now)
    context: dict[str, Words] = {
        "amount": amounts.shown_minor(row.amount, currency=row.currency),
        "card": card_of(payment) + _with_tax(row, payment),
        "left": amounts.shown(left, currency=row.currency),
        "room": "" if room is None else amounts.shown_minor(max(0, room), currency=row.currency),
        "payment": str(row.payment_id),
    }
    key = f"top_up_made:{row.id}"
    _queue(session, row.organisation_id, row.mode, template="top_up_made", context=context, key=key, now=now)


def tell_at_most(session: Session, auto: AutoTopUp, *, bought: int, now: datetime) -> None:
    """More is wanted, and one more payment would be more than was agreed to. bought: this month, in minor units."""
    key = f"top_up_at_most:{auto.organisation_id}:{auto.mode}:{now:%Y-%m}"
    if session.exec(select(Mail.id).where(Mail.key == key).limit(1)).first() is not None:
        return  # the worker looks every second
    left = credit.balance(session, auto.organisation_id, auto.currency, at=now)
    context: dict[str, Words] = {
        "month": f"{now:%B %Y}",
        "bought": amounts.shown_minor(bought, currency=auto.currency),
        "amount": amounts.shown_minor(auto.amount, currency=auto.currency),
        "most": amounts.shown_minor(auto.month_most, currency=auto.currency),
        "left": amounts.shown(left, currency=auto.currency),
    }
    _queue(session, auto.organisation_id, auto.mode, template="top_up_at_most", context=context, key=key, now=now)


def card_of(payment: Found) -> str:
    """“the card ending in 4242”, as far as Stripe says so."""
    charge = payment.get("latest_charge")
    details = charge.get("payment_method_details") if isinstance(charge, dict) else None
    digits = ((details or {}).get("card") or {}).get("last4")
    return f"the card ending in {digits}" if digits else "your card"


def _with_tax(row: CreditPayment, payment: Found) -> str:
    """“ ($12.00 with tax)”, where more was charged than credited."""
    charged = int(payment["amount"])
    return f" ({amounts.shown_minor(charged, currency=row.currency)} with tax)" if charged != row.amount else ""


def _queue(
    session: Session,
    organisation_id: UUID,
    mode: str,
    *,
    template: str,
    context: dict[str, Words],
    key: str,
    now: datetime,
) -> None:
    organisation = session.get_one(Organisation, organisation_id)
    for address in alert_words.recipients(session, organisation, mode=mode):
        mail.queue(
            session,
            to=address,
            template=template,
            context={**context, "organisation": organisation.name, "path": PATH},
            key=key,
            now=now,
            organisation_id=organisation.id,
        )
