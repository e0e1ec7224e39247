"""What a plan allows, as limits: rules set by “plan”, changed in place, so that what was used of them stays used; and
one set by “billing” while it is not paid for.
"""

from datetime import datetime

from sqlmodel import Session, col, select

from app.limits import models, prepaid, queries, raises, services
from app.limits.models import LimitRule
from app.limits.services import Selection
from app.organisations.models import Organisation
from app.plans import document, periods
from app.plans import queries as plans
from app.plans.document import Document
from app.plans.models import INCOMPLETE, Subscription

PLAN = "plan"
PAGE = 200

_RULES = {
    "calls_per_second": (models.CALLS, periods.SECOND),
    "calls_per_minute": (models.CALLS, periods.MINUTE),
    "calls_per_hour": (models.CALLS, periods.HOUR),
    "calls_per_day": (models.CALLS, periods.DAY),
    "calls_per_month": (models.CALLS, periods.MONTH),
    "streams": (models.STREAMS, ""),
}


def limits_of(plan: Document) -> dict[tuple[str, str], int]:
    """(measure, period) to the most that the plan allows. A free plan spends nothing: what has a price is refused."""
    found = {_RULES[name]: most for name, most in {**plan.allowances, **plan.rates}.items()}
    if plan.kind == document.FREE:
        found[models.SPEND, periods.MONTH] = 0
    return found


def apply(session: Session, *, organisation: Organisation, now: datetime) -> None:
    """Limit an organisation as its plan of this moment says, with what was raised of that; nothing happens to limits
    that others have set.
    """
    standing = plans.standing(session, organisation.id, at=now)
    wanted = limits_of(standing.offer.document) if standing is not None else {}
    for given in raises.in_force(session, organisation.id, at=now):
        place = (given.measure, given.period)
        if place in wanted:
            wanted[place] = max(wanted[place], given.most)
    statement = select(LimitRule).where(
        LimitRule.organisation_id == organisation.id, LimitRule.set_by == PLAN, col(LimitRule.key_id).is_(None)
    )
    there = {(rule.measure, rule.period): rule for rule in session.exec(statement)}
    for place, rule in there.items():
        if place not in wanted:
            services.remove(session, rule=rule, now=now)
    selection = Selection(organisation=organisation)
    for (measure, period), most in wanted.items():
        before = there.get((measure, period))
        if before is None or before.most != most:
            services.set_limit(
                session, selection=selection, measure=measure, period=period, most=most, set_by=PLAN, now=now
            )
    subscription = standing.subscription if standing is not None else None
    is_prepaid = standing is not None and standing.offer.document.kind == document.PREPAID
    currency = subscription.currency if subscription is not None and is_prepaid else ""
    is_first = subscription is not None and subscription.limited_at is None
    since = subscription.begins_at if subscription is not None and is_first else None
    _stop(session, organisation, is_stopped=subscription is not None and subscription.stopped_at is not None, now=now)
    prepaid.follow(session, organisation.id, currency=currency, since=since, now=now)
    if standing is not None and standing.subscription is not None:
        standing.subscription.limited_at = now
        session.add(standing.subscription)
        session.flush()


def _stop(session: Session, organisation: Organisation, *, is_stopped: bool, now: datetime) -> None:
    """Nothing that costs something passes while the plan is not paid for (app/plans/owing.py)."""
    selection = Selection(organisation=organisation)
    place = services.selection_of(selection)
    there = queries.like(session, place, measure=models.SPEND, period=periods.MONTH, set_by=models.BILLING)
    if there is not None and not is_stopped:
        services.remove(session, rule=there, now=now)
    elif there is None and is_stopped:
        services.set_limit(
            session, selection=selection, measure=models.SPEND, period=periods.MONTH, most=0, set_by=models.BILLING,
            now=now,
        )  # fmt: skip


def apply_due(session: Session, *, now: datetime) -> int:
    """Limit organisations whose subscription has begun without it; gives how many. At most a page; for the worker."""
    statement = (
        select(Organisation)
        .join(Subscription, col(Subscription.organisation_id) == col(Organisation.id))
        .where(col(Subscription.limited_at).is_(None), col(Subscription.ends_at).is_(None))
        .where(Subscription.state != INCOMPLETE, col(Subscription.begins_at) <= now)
        .order_by(col(Subscription.begins_at))
        .limit(PAGE)
    )
    found = session.exec(statement).all()
    for organisation in found:
        apply(session, organisation=organisation, now=now)
    return len(found)
