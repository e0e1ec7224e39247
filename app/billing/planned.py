"""What is planned here, planned at Stripe as well: by operators, who move people to a plan's next version, and whatever
was taken away there by a change that came to nothing, or by a page that was cut off.

Looked at every minute; each is asked for again with a key of its hour, so that no old answer stands in the way.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from uuid import uuid5

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from app.billing import changing, offers
from app.billing.catalogue import Catalogue
from app.billing.changing import Change
from app.billing.problems import Missing
from app.billing.stripe_api import Found, StripeApi
from app.core.errors import PosternError
from app.plans import queries as plans
from app.plans.choosing import Choice
from app.plans.models import PriceVersion, Subscription
from app.plans.queries import Offer

log = logging.getLogger(__name__)

PAGE = 200


def run(engine: Engine, api: StripeApi, *, clock: Callable[[], datetime]) -> int:
    """Plan at Stripe what is planned only here; gives how many. Holds no transaction while it asks."""
    catalogue = Catalogue(engine, api, clock=clock)
    done = 0
    for subscription in _planned(engine, clock()):
        try:
            done += _one(engine, api, catalogue, subscription, now=clock())
        except Missing:
            continue  # of the other mode, or gone; what ended there is told by its event
        except PosternError as problem:
            log.warning("planned.failed", extra={"subscription": subscription.stripe_id, "why": problem.message})
    return done


def _planned(engine: Engine, now: datetime) -> list[Subscription]:
    """Those for which something is planned; what is due already is left to what Stripe tells."""
    with Session(engine, expire_on_commit=False) as session:
        statement = (
            select(Subscription)
            .where(Subscription.stripe_id != "", col(Subscription.ends_at).is_(None), col(Subscription.next_at) > now)
            .order_by(col(Subscription.next_at), col(Subscription.id))
            .limit(PAGE)
        )
        return list(session.exec(statement))


def _one(engine: Engine, api: StripeApi, catalogue: Catalogue, held: Subscription, *, now: datetime) -> bool:
    at_stripe = api.get(api.v1.subscriptions.retrieve, held.stripe_id)
    following, prices = _following(engine, held)
    ends = following is None or not offers.is_billed(following.document)
    if _is_planned(api, at_stripe, held, ends=ends) or not _is_still_so(engine, held):
        return False
    visit, at = uuid5(held.id, f"{held.next_at} {now:%Y-%m-%dT%H}"), held.next_at
    assert at is not None
    if following is None or ends:
        changing.cancel(api, at_stripe, visit=visit, at=at, reason=held.cancel_reason)
    else:
        choice = Choice(following, held.currency, held.next_interval, held.next_seats)
        items = offers.items(catalogue, choice, prices)
        changing.plan_ahead(api, at_stripe, Change(visit, choice, items, at))
    log.info("planned.again", extra={"subscription": held.stripe_id})
    return True


def _following(engine: Engine, held: Subscription) -> tuple[Offer | None, list[PriceVersion]]:
    """What is planned; None for the default plan."""
    if held.next_plan_version_id is None:
        return None, []
    with Session(engine, expire_on_commit=False) as session:
        following = plans.offer_of(session, held.next_plan_version_id)
        return following, plans.prices_of(session, [following.version.id])


def _is_planned(api: StripeApi, at_stripe: Found, held: Subscription, *, ends: bool) -> bool:
    if ends:
        return bool(at_stripe.get("cancel_at"))
    if not at_stripe.get("schedule"):
        return False
    schedule = api.get(api.v1.subscription_schedules.retrieve, str(at_stripe["schedule"]))
    said = schedule["phases"][-1].get("metadata") or {}
    return said.get("plan_version_id") == str(held.next_plan_version_id)


def _is_still_so(engine: Engine, held: Subscription) -> bool:
    """Somebody may have changed their mind while Stripe was asked."""
    with Session(engine) as session:
        found = session.get(Subscription, held.id)
        return found is not None and (found.next_at, found.next_plan_version_id, found.ends_at) == (
            held.next_at, held.next_plan_version_id, None,
        )  # fmt: skip
