"""What is planned here, planned at Stripe as well: by operators, who move people to a plan's next version, and whatever
was taken away there by a change that came to nothing, or by a page that was cut off.

As soon as something is planned, a schedule says it there, so that Stripe changes prices in the very moment in which
gateways do; nothing is prorated. What Stripe could not be told before that moment it is told afterwards, with the fees
prorated from then on. Each is asked for again with a key of its hour, so that no old answer stands in the way, and
looked at again every hour, so that what gets lost is found.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid5

from sqlalchemy import Engine, and_, or_, update
from sqlmodel import Session, col, select

from app.billing import changing, offers, scheduling
from app.billing.catalogue import Catalogue
from app.billing.changing import Change
from app.billing.problems import Missing
from app.billing.stripe_api import Found, StripeApi
from app.core.errors import PosternError
from app.plans import queries as plans
from app.plans.choosing import Choice
from app.plans.models import BY_OPERATOR, PriceVersion, Subscription
from app.plans.queries import Offer

log = logging.getLogger(__name__)

PAGE = 200
AGAIN_AFTER = timedelta(hours=1)
LATEST = timedelta(days=25)
"""So long after its moment a move by an operator is told: within its month, fees can be prorated."""
OVER = ("canceled", "incomplete_expired")


def run(engine: Engine, api: StripeApi, *, clock: Callable[[], datetime]) -> int:
    """Plan at Stripe what is planned only here; gives how many. Holds no transaction while it asks."""
    waiting = _planned(engine, clock())
    catalogue = Catalogue(engine, api, clock=clock) if waiting else None
    done = 0
    for held in waiting:
        assert catalogue is not None
        try:
            done += _one(engine, api, catalogue, held, now=clock())
        except Missing:
            continue  # of the other mode, or gone; what ended there is told by its event
        except PosternError as problem:
            log.warning("planned.failed", extra={"subscription": held.stripe_id, "why": problem.message})
            continue
        _looked_at(engine, held, now=clock())
    return done


def _planned(engine: Engine, now: datetime) -> list[Subscription]:
    """Those for which something is planned, those that an operator has moved and Stripe has not heard of, and those
    whose move was withdrawn, until Stripe has heard of it; what was never told first. What else is due already is left
    to what Stripe tells.
    """
    told, next_at, ends_at = col(Subscription.told_at), col(Subscription.next_at), col(Subscription.ends_at)
    ahead = and_(ends_at.is_(None), next_at > now, or_(told.is_(None), told <= now - AGAIN_AFTER))
    late = and_(
        or_(ends_at.is_(None), ends_at == next_at), next_at <= now, next_at > now - LATEST, told.is_(None),
        col(Subscription.next_by) == BY_OPERATOR, col(Subscription.next_plan_version_id).is_not(None),
    )  # fmt: skip
    withdrawn = and_(ends_at.is_(None), next_at.is_(None), told.is_(None), col(Subscription.next_by) == BY_OPERATOR)
    with Session(engine, expire_on_commit=False) as session:
        statement = (
            select(Subscription)
            .where(Subscription.stripe_id != "", or_(ahead, late, withdrawn))
            .order_by(told.is_not(None), told, next_at, col(Subscription.id))
            .limit(PAGE)
        )
        return list(session.exec(statement))


def _one(engine: Engine, api: StripeApi, catalogue: Catalogue, held: Subscription, *, now: datetime) -> bool:
    """Whether something had to be told."""
    at_stripe = api.get(api.v1.subscriptions.retrieve, held.stripe_id)
    at = held.next_at
    if at is None:
        return _withdraw(engine, api, at_stripe, held, now=now)
    following, prices = _following(engine, held)
    ends = following is None or not offers.is_billed(following.document)
    is_late = at <= now
    if at_stripe["status"] in OVER or _is_planned(api, at_stripe, held, ends=ends, is_late=is_late):
        return False
    if not _is_still_so(engine, held):
        return False
    visit = uuid5(held.id, f"{at} {now:%Y-%m-%dT%H}")
    if following is None or ends:
        changing.cancel(api, at_stripe, visit=visit, at=at, reason=held.cancel_reason)
    else:
        choice = Choice(following, held.currency, held.next_interval, held.next_seats)
        change = Change(visit, choice, offers.items(catalogue, choice, prices), at)
        tell = changing.catch_up if is_late else changing.plan_ahead
        tell(api, at_stripe, change)
    log.info("planned.again", extra={"subscription": held.stripe_id})
    return True


def _withdraw(engine: Engine, api: StripeApi, at_stripe: Found, held: Subscription, *, now: datetime) -> bool:
    """Whether something had to be taken back."""
    if at_stripe["status"] in OVER or not _is_still_so(engine, held):
        return False
    return scheduling.forget(api, at_stripe, visit=uuid5(held.id, f"withdrawn {now:%Y-%m-%dT%H}"))


def _following(engine: Engine, held: Subscription) -> tuple[Offer | None, list[PriceVersion]]:
    """What is planned; None for the default plan."""
    if held.next_plan_version_id is None:
        return None, []
    with Session(engine, expire_on_commit=False) as session:
        following = plans.offer_of(session, held.next_plan_version_id)
        return following, plans.prices_of(session, [following.version.id])


def _is_planned(api: StripeApi, at_stripe: Found, held: Subscription, *, ends: bool, is_late: bool) -> bool:
    wanted = str(held.next_plan_version_id)
    if ends:
        return bool(at_stripe.get("cancel_at"))
    if is_late:
        return bool(at_stripe["metadata"].get("plan_version_id") == wanted)
    if not at_stripe.get("schedule") or held.next_at is None:
        return False
    last = api.get(api.v1.subscription_schedules.retrieve, str(at_stripe["schedule"]))["phases"][-1]
    begins = int(held.next_at.timestamp())
    return bool((last.get("metadata") or {}).get("plan_version_id") == wanted) and int(last["start_date"]) == begins


def _is_still_so(engine: Engine, held: Subscription) -> bool:
    """Somebody may have changed their mind while Stripe was asked."""
    with Session(engine) as session:
        found = session.get(Subscription, held.id)
        return found is not None and (found.next_at, found.next_plan_version_id) == (
            held.next_at, held.next_plan_version_id,
        )  # fmt: skip


def _looked_at(engine: Engine, held: Subscription, *, now: datetime) -> None:
    """Remember that Stripe knows, unless something else was planned meanwhile, which is to be told."""
    statement = (
        update(Subscription)
        .where(col(Subscription.id) == held.id, col(Subscription.next_at).is_not_distinct_from(held.next_at))
        .where(col(Subscription.next_plan_version_id).is_not_distinct_from(held.next_plan_version_id))
        .values(told_at=now)
    )
    with Session(engine) as session:
        session.execute(statement)
        session.commit()
