"""Paying at Stripe's Checkout: making a session, and knowing what became of it.

The page that asks for a session says which visit it is (Checkout.id, made when the page was shown), and the same visit
is the same session however often the button is pressed.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session, col, select

from app.billing import payments
from app.billing.models import COMPLETED, EXPIRED, OPEN, SUBSCRIPTION, Checkout
from app.billing.offers import Item
from app.billing.payment_models import CHECKOUT
from app.billing.problems import StripeRefused
from app.billing.stripe_api import Found, StripeApi, key_for
from app.core.errors import Conflict, NotFound
from app.plans import periods

GOOD_FOR = timedelta(hours=1)
"""How long a session can be paid: prices on it are those of that hour. Stripe allows 30 minutes to 24 hours."""
_AGREED = ("kind", "plan_version_id", "currency", "interval", "seats", "amount", "keeps_card")
"""What a visit is for: the same visit is never for something else."""


@dataclass(frozen=True, slots=True)
class Ways:
    """Where Checkout leads: back when it is paid, and away when it is not; whole addresses. takes_tax: asks for it.
    back_url gets the session's id at its end, as Stripe writes it.
    """

    back_url: str
    cancel_url: str
    takes_tax: bool


def keep(session: Session, wanted: Checkout, *, look_at: str) -> Checkout:
    """The visit of that name, made as `wanted` if need be.

    Raises Conflict for one that was for something else, or is over. look_at: what is to be looked at again then.
    """
    known = visit_of(session, wanted.organisation_id, wanted.id)
    if known is None:
        session.add(wanted)
        session.flush()
        return wanted
    is_good = known.state == OPEN and known.created_at + GOOD_FOR > wanted.created_at
    if not is_good or any(getattr(known, name) != getattr(wanted, name) for name in _AGREED):
        raise Conflict(f"This page is out of date. Look at {look_at} again before you pay.")
    return known


def begin_subscription(
    api: StripeApi, visit: Checkout, *, customer_id: str, items: Sequence[Item], ways: Ways
) -> Found:
    """A session for subscribing; bills follow the months of UTC, and the base fee of the first is for the rest of it.
    Asks Stripe.
    """
    next_month = periods.end_of(periods.MONTH, periods.start_of(periods.MONTH, visit.created_at))
    params = {
        **_session(visit, customer_id, ways),
        "mode": "subscription",
        "line_items": [item.as_line() for item in items],
        "payment_method_collection": "always",
        "expires_at": _until(visit),
        "subscription_data": {
            "billing_mode": {"type": "flexible"},
            "billing_cycle_anchor": int(next_month.timestamp()),
            "proration_behavior": "create_prorations",
            "metadata": said_of(visit),
        },
    }
    return api.post(api.v1.checkout.sessions.create, params=params, key=key_for("checkout", api.mode, visit.id))


def begin_top_up(api: StripeApi, visit: Checkout, *, customer_id: str, ways: Ways, words: str) -> Found:
    """A session for buying credit. words: what the receipt says that was bought. Asks Stripe."""
    said = payments.said_of(visit.organisation_id, visit.id, kind=CHECKOUT, amount=visit.amount)
    intent: dict[str, object] = {"metadata": said, "description": words}
    if visit.keeps_card:
        intent["setup_future_usage"] = "off_session"
    bought = {"currency": visit.currency, "unit_amount": visit.amount, "product_data": {"name": words}}
    params = {
        **_session(visit, customer_id, ways),
        "mode": "payment",
        "line_items": [{"price_data": bought, "quantity": 1}],
        "expires_at": _until(visit),
        "invoice_creation": {"enabled": True},
        "payment_intent_data": intent,
    }
    return api.post(api.v1.checkout.sessions.create, params=params, key=key_for("checkout", api.mode, visit.id))


def fetch(api: StripeApi, session_id: str) -> Found:
    """A session as it is now."""
    return api.get(api.v1.checkout.sessions.retrieve, session_id)


def close(api: StripeApi, visit: Checkout) -> Found:
    """Make a session worthless because somebody pays another way, and give it as it then is: expired, or complete when
    it was paid first. Asks Stripe.
    """
    if not visit.session_id:
        return {}
    with suppress(StripeRefused):
        expire(api, visit)
    return fetch(api, visit.session_id)


def expire(api: StripeApi, visit: Checkout) -> None:
    """Make a session that is still open worthless: somebody pays another way. Asks Stripe."""
    if visit.session_id and visit.state == OPEN:
        api.post(api.v1.checkout.sessions.expire, visit.session_id, params={}, key=key_for("expire", visit.id))


def is_paid(found: Found) -> bool:
    """Whether the money is there, which for some ways of paying is days after the session was completed."""
    return found.get("status") == "complete" and found.get("payment_status") in ("paid", "no_payment_required")


def is_settled(kind: str, found: Found) -> bool:
    """Whether what a visit of that kind was for is bought: a subscription begins before its money is there."""
    return found.get("status") == "complete" and (kind == SUBSCRIPTION or is_paid(found))


def apply(session: Session, found: Found, now: datetime) -> None:
    """Know what became of a visit."""
    visit = by_session(session, str(found["id"]))
    if visit is None or visit.state != OPEN:
        return
    if found.get("status") == "expired":
        visit.state, visit.ended_at = EXPIRED, now
    elif is_settled(visit.kind, found):
        visit.state, visit.ended_at = COMPLETED, now
    session.add(visit)
    session.flush()


def apply_failed(session: Session, session_id: str, now: datetime) -> None:
    """The money that was on its way did not come: the visit is over, and nothing was paid."""
    visit = by_session(session, session_id)
    if visit is not None and visit.state == OPEN:
        visit.state, visit.ended_at = EXPIRED, now
        session.add(visit)
        session.flush()


def by_session(session: Session, session_id: str) -> Checkout | None:
    """The visit of one of Stripe's sessions; None for one that is not ours."""
    return session.exec(select(Checkout).where(Checkout.session_id == session_id)).first()


def visit_of(session: Session, organisation_id: UUID, visit_id: UUID) -> Checkout | None:
    """An organisation's visit; None when it is yet to begin. Raises NotFound for somebody else's."""
    found = session.get(Checkout, visit_id)
    if found is not None and found.organisation_id != organisation_id:
        raise NotFound("There is no such visit to Checkout.")
    return found


def open_visits(session: Session, organisation_id: UUID, *, kind: str) -> list[Checkout]:
    """Those that could still be paid, newest first."""
    statement = (
        select(Checkout)
        .where(Checkout.organisation_id == organisation_id, Checkout.kind == kind, Checkout.state == OPEN)
        .order_by(col(Checkout.created_at).desc())
    )
    return list(session.exec(statement))


def _session(visit: Checkout, customer_id: str, ways: Ways) -> dict[str, object]:
    params: dict[str, object] = {
        "customer": customer_id,
        "client_reference_id": str(visit.id),
        "success_url": f"{ways.back_url}?session_id={{CHECKOUT_SESSION_ID}}",
        "cancel_url": ways.cancel_url,
        "metadata": _metadata(visit),
    }
    if ways.takes_tax:
        params["automatic_tax"] = {"enabled": True}
        params["tax_id_collection"] = {"enabled": True}
        params["customer_update"] = {"address": "auto", "name": "auto"}
    return params


def said_of(visit: Checkout) -> dict[str, str]:
    """What a subscription at Stripe says of what it is for; app/billing/subscriptions.py reads it.

    from: from when that was wanted, so that what is older is never taken for news.
    """
    return {
        **_metadata(visit),
        "plan_version_id": str(visit.plan_version_id),
        "interval": visit.interval,
        "seats": str(visit.seats),
        "from": visit.created_at.isoformat(),
    }


def _metadata(visit: Checkout) -> dict[str, str]:
    return {"organisation_id": str(visit.organisation_id), "checkout_id": str(visit.id)}


def _until(visit: Checkout) -> int:
    """The same however often it is asked for, as all that has one idempotency key must be."""
    return int((visit.created_at + GOOD_FOR).timestamp())
