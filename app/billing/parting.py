"""Cancelling at Stripe what an organisation still pays for when it is deleted.

Nobody can ask for it to be deleted while a plan goes on being paid for, and nothing is bought afterwards. But a payment
that was begun before can come to its end later, and what is changed at Stripe itself is only heard of. So it is looked
at once more when the days of grace are over, and app/team/deleting.py waits until nothing is paid for any more.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy import Engine
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.billing import findings, subscriptions
from app.billing.comparing import Difference
from app.billing.reconcile_models import EXTRA
from app.billing.stripe_api import Found, StripeApi, key_for
from app.core.errors import PosternError
from app.organisations.models import Organisation
from app.plans.models import Subscription

log = logging.getLogger(__name__)

PAGE = 50
SUBJECT = "subscription of an organisation that is to be deleted"


def is_paid_for(session: Session, organisation_id: UUID) -> bool:
    """Whether Stripe goes on charging for its plan: a subscription there that nobody has cancelled."""
    return session.exec(_going_on().where(Subscription.organisation_id == organisation_id)).first() is not None


def unfinished(session: Session, *, now: datetime) -> set[UUID]:
    """Organisations whose days of grace are over while their plan goes on being paid for."""
    return {one.organisation_id for one in session.exec(_over(now))}


def run(engine: Engine, api: StripeApi, *, clock: Callable[[], datetime]) -> int:
    """Cancel what such organisations have, at once; gives how many. What was used is invoiced, what was paid is kept.

    Where Stripe does not do it there is a finding for operators, and it is tried again. Holds no transaction meanwhile.
    """
    with Session(engine, expire_on_commit=False) as session:
        waiting = list(session.exec(_over(clock()).limit(PAGE)))
    return sum(_one(engine, api, held, now=clock()) for held in waiting)


def _one(engine: Engine, api: StripeApi, held: Subscription, *, now: datetime) -> bool:
    try:
        found = _cancelled(api, held, now=now)
    except PosternError as problem:
        log.warning("parting.failed", extra={"subscription": held.stripe_id, "why": problem.message})
        proposal = (
            f"Cancel {held.stripe_id} at Stripe; the organisation is deleted then. Stripe says: {problem.message}"
        )
        with Session(engine) as session:
            _find(session, api, held, proposal, now=now)
            session.commit()
        return False
    with Session(engine) as session:
        subscriptions.apply(session, found, now)
        is_over = not is_paid_for(session, held.organisation_id)
        if is_over:
            findings.end_named(session, api.mode, held.organisation_id, SUBJECT, (), now=now)
        else:
            _find(session, api, held, f"{held.stripe_id} is over at Stripe and goes on here: see why.", now=now)
        session.commit()
    return is_over


def _find(session: Session, api: StripeApi, held: Subscription, proposal: str, *, now: datetime) -> None:
    difference = Difference(EXTRA, SUBJECT, 0, 1, proposal)
    findings.record(session, api.mode, held.organisation_id, [(None, difference)], now=now)


def _cancelled(api: StripeApi, held: Subscription, *, now: datetime) -> Found:
    """What its customer has once it is. Asks Stripe, with a key of the hour: no old refusal is to stand in the way."""
    found = subscriptions.fetch(api, held.stripe_id)
    living = subscriptions.living(found["subscriptions"])
    if living is None:
        return found
    params = {"invoice_now": True, "prorate": False}
    key = key_for("parting", living["id"], f"{now:%Y-%m-%dT%H}")
    api.post(api.v1.subscriptions.cancel, str(living["id"]), params=params, key=key)
    return subscriptions.fetch_of_customer(api, str(found["customer"]))


def _over(now: datetime) -> SelectOfScalar[Subscription]:
    return (
        _going_on()
        .join(Organisation, col(Organisation.id) == col(Subscription.organisation_id))
        .where(col(Organisation.closes_at) <= now, col(Organisation.deleted_at).is_(None))
        .order_by(col(Organisation.closes_at), col(Subscription.id))
    )


def _going_on() -> SelectOfScalar[Subscription]:
    is_cancelled = col(Subscription.next_at).is_not(None) & col(Subscription.next_plan_version_id).is_(None)
    return select(Subscription).where(Subscription.stripe_id != "", col(Subscription.ends_at).is_(None), ~is_cancelled)
