"""Subscribing: who is on which plan from when on. The database only; what Stripe is to hear of it is billing's.

A subscription is never turned into another: it ends, and the next row begins in the same moment. Upgrades hold at once,
downgrades and cancellations from the end of the interval that is paid for.
"""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from app.core import audit, changes
from app.core.errors import Conflict
from app.organisations.models import Organisation
from app.plans import choosing, intervals, owing, queries, seats
from app.plans.choosing import Choice
from app.plans.models import (
    ACTIVE,
    BY_CUSTOMER,
    CANCELLED,
    INCOMPLETE,
    Subscription,
)
from app.plans.queries import Offer

REASON_LENGTH = 500
PAGE = 500


def subscribe(
    session: Session,
    *,
    organisation: Organisation,
    choice: Choice,
    stripe_id: str = "",
    is_paid: bool = False,
    person_id: UUID | None = None,
    now: datetime,
) -> Subscription:
    """On this plan from now on, whatever it was on before.

    is_paid: it was paid for at Stripe already, so it holds also where more people belong to the organisation by now
    than it has seats. Raises Invalid for a choice that the plan does not offer, Conflict for too few seats, and for
    another currency than the organisation's.
    """
    check(session, organisation, choice, is_paid=is_paid)
    before = _open(session, organisation.id)
    anchor_at = intervals.anchor_of(now)
    if before is not None:
        _end(session, before, at=now)
        if before.interval == choice.interval and stripe_id == before.stripe_id:
            anchor_at = before.anchor_at
    made = _begin(session, organisation.id, choice, at=now, anchor_at=anchor_at, stripe_id=stripe_id, now=now)
    owing.carry(before, made)
    tell(session, made, "subscription.begun", person_id=person_id, now=now, details={"plan": choice.offer.plan.slug})
    return made


def change(
    session: Session,
    *,
    organisation: Organisation,
    choice: Choice,
    by: str = BY_CUSTOMER,
    person_id: UUID | None = None,
    now: datetime,
) -> Subscription:
    """To another plan, interval or number of seats, now or at the end of the interval, as choosing.begins_at says.

    Gives the subscription that is in force afterwards. Raises Invalid, and Conflict if there is nothing to change.
    """
    current = _open(session, organisation.id)
    if current is None:
        return subscribe(session, organisation=organisation, choice=choice, person_id=person_id, now=now)
    check(session, organisation, choice)
    if choosing.is_same(current, choice):
        raise Conflict(f"You are on “{choice.offer.document.name}” already.")
    begins_at = choosing.begins_at(current, queries.offer_of(session, current.plan_version_id), choice, now=now)
    if begins_at <= now:
        stripe_id = current.stripe_id if choice.is_paid else ""
        return subscribe(
            session, organisation=organisation, choice=choice, stripe_id=stripe_id, person_id=person_id, now=now
        )
    plan_next(session, current, choice, at=begins_at, by=by, person_id=person_id, now=now)
    return current


def plan_next(
    session: Session,
    subscription: Subscription,
    choice: Choice,
    *,
    at: datetime,
    by: str,
    person_id: UUID | None = None,
    now: datetime,
) -> None:
    """What follows `subscription` from `at` on, instead of what was planned before."""
    subscription.next_plan_version_id = choice.offer.version.id
    subscription.next_interval, subscription.next_seats = choice.interval, choice.seats
    subscription.next_at, subscription.next_by, subscription.cancel_reason = at, by, ""
    subscription.told_at = None
    _keep(session, subscription)
    details = {"plan": choice.offer.plan.slug, "from": at.isoformat(timespec="seconds"), "by": by}
    tell(session, subscription, "subscription.planned", person_id=person_id, now=now, details=details)


def cancel(
    session: Session, *, organisation: Organisation, reason: str, person_id: UUID | None = None, now: datetime
) -> Subscription:
    """Back to the default plan at the end of the interval that is paid for. Raises Conflict if it is there already."""
    current = _open(session, organisation.id)
    if current is None or queries.offer_of(session, current.plan_version_id).document.is_default:
        raise Conflict("There is no subscription to cancel.")
    _, ends_at = intervals.around(now, interval=current.interval, anchor_at=current.anchor_at)
    forget_next(current)
    current.next_at, current.next_by, current.cancel_reason = ends_at, BY_CUSTOMER, reason.strip()[:REASON_LENGTH]
    _keep(session, current)
    details = {"ends": ends_at.isoformat(timespec="seconds"), "reason": current.cancel_reason}
    tell(session, current, "subscription.cancelled", person_id=person_id, now=now, details=details)
    return current


def resume(
    session: Session, *, organisation: Organisation, person_id: UUID | None = None, now: datetime
) -> Subscription:
    """Stay, instead of what the customer had planned. Raises Conflict if nothing was, or an operator planned it."""
    current = _open(session, organisation.id)
    if current is None or current.next_at is None:
        raise Conflict("Nothing is planned that could be taken back.")
    if current.next_by != BY_CUSTOMER:
        raise Conflict("Whoever runs this gateway has planned that change; you can choose another plan instead.")
    forget_next(current)
    _keep(session, current)
    tell(session, current, "subscription.resumed", person_id=person_id, now=now, details={})
    return current


def end(session: Session, *, subscription: Subscription, now: datetime) -> None:
    """At once, whatever was paid for: what was planned for a moment that has come follows, or else the default plan."""
    if subscription.next_at is None or subscription.next_at > now:
        forget_next(subscription)
        subscription.next_at = now
    _succeed(session, subscription, now=now)


def apply_due(session: Session, *, now: datetime) -> int:
    """End what has come to its end, and begin what follows; gives how many. At most a page; for the worker."""
    due = session.exec(
        select(Subscription)
        .where(col(Subscription.next_at) <= now, col(Subscription.ends_at).is_(None), Subscription.state != INCOMPLETE)
        .order_by(col(Subscription.next_at), col(Subscription.id))
        .limit(PAGE)
        .with_for_update(skip_locked=True)
    ).all()
    return sum(_succeed(session, subscription, now=now) for subscription in due)


def follow_due(session: Session, *, organisation_id: UUID, now: datetime) -> None:
    """What was planned for a moment that has come begins, at that moment: for whoever cannot wait for the worker."""
    current = _open(session, organisation_id)
    if current is not None and current.next_at is not None and current.next_at <= now:
        _succeed(session, current, now=now)


def enrol(session: Session, *, now: datetime) -> int:
    """Put organisations without any subscription on the default plan, from when they and it were there; gives how many.
    At most a page; for the worker, and before the default plan changes.
    """
    usual = queries.default(session, at=now)
    if usual is None:
        return 0
    theirs = select(Subscription.id).where(
        Subscription.organisation_id == Organisation.id, Subscription.state != INCOMPLETE
    )
    found = session.exec(
        select(Organisation).where(~theirs.exists()).order_by(col(Organisation.created_at)).limit(PAGE)
    ).all()
    for organisation in found:
        enrol_one(session, organisation=organisation, usual=usual, now=now)
    return len(found)


def enrol_one(session: Session, *, organisation: Organisation, usual: Offer, now: datetime) -> Subscription:
    """A new organisation begins on the default plan."""
    at = max(organisation.created_at, usual.version.effective_at)
    choice = Choice(usual, seats=usual.document.seats_included)
    made = _begin(session, organisation.id, choice, at=at, anchor_at=intervals.anchor_of(at), stripe_id="", now=now)
    changes.record(session, kind="subscription", subject_id=organisation.id, now=now)
    return made


def _succeed(session: Session, subscription: Subscription, *, now: datetime) -> bool:
    at, choice = subscription.next_at, _following(session, subscription, now=now)
    if at is None or choice is None:
        return False
    stripe_id = subscription.stripe_id if choice.is_paid else ""
    _end(session, subscription, at=at, is_cancelled=subscription.next_plan_version_id is None)
    anchor_at = subscription.anchor_at if subscription.interval == choice.interval else intervals.anchor_of(at)
    made = _begin(
        session, subscription.organisation_id, choice, at=at, anchor_at=anchor_at, stripe_id=stripe_id, now=now
    )
    owing.carry(subscription, made)
    tell(session, made, "subscription.begun", person_id=None, now=now, details={"plan": choice.offer.plan.slug})
    return True


def _following(session: Session, subscription: Subscription, *, now: datetime) -> Choice | None:
    """What comes next: what was planned, or else the default plan; None before there is one."""
    if subscription.next_plan_version_id is not None:
        following = queries.offer_of(session, subscription.next_plan_version_id)
        return Choice(following, subscription.currency, subscription.next_interval, subscription.next_seats)
    usual = queries.default(session, at=now)
    return Choice(usual, subscription.currency, "", usual.document.seats_included) if usual is not None else None


def check(session: Session, organisation: Organisation, choice: Choice, *, is_paid: bool = False) -> None:
    """Whether it can be chosen: before anybody pays for it. Raises as `subscribe` does."""
    choosing.check(choice, organisation_id=organisation.id)
    if not is_paid:
        seats.check(session, organisation, choice)
    for past in queries.history(session, organisation.id):
        if choice.currency and past.currency and past.currency != choice.currency:
            raise Conflict(f"“{organisation.name}” pays in {past.currency}; a currency cannot be changed afterwards.")


def _open(session: Session, organisation_id: UUID) -> Subscription | None:
    """The one without an end, locked until the transaction ends."""
    statement = select(Subscription).where(
        Subscription.organisation_id == organisation_id,
        col(Subscription.ends_at).is_(None),
        Subscription.state != INCOMPLETE,
    )
    return session.exec(statement.with_for_update()).one_or_none()


def _begin(
    session: Session,
    organisation_id: UUID,
    choice: Choice,
    *,
    at: datetime,
    anchor_at: datetime,
    stripe_id: str,
    now: datetime,
) -> Subscription:
    made = Subscription(
        organisation_id=organisation_id,
        plan_version_id=choice.offer.version.id,
        currency=choice.currency,
        interval=choice.interval,
        seats=choice.seats,
        state=ACTIVE,
        begins_at=at,
        anchor_at=anchor_at,
        stripe_id=stripe_id,
        created_at=now,
    )
    _keep(session, made)
    return made


def _end(session: Session, subscription: Subscription, *, at: datetime, is_cancelled: bool = False) -> None:
    subscription.ends_at = max(at, subscription.begins_at)
    if is_cancelled:
        subscription.state = CANCELLED
    _keep(session, subscription)


def forget_next(subscription: Subscription) -> None:
    subscription.next_plan_version_id, subscription.next_interval, subscription.next_seats = None, "", 0
    subscription.next_at, subscription.next_by, subscription.cancel_reason = None, "", ""
    subscription.told_at = None


def _keep(session: Session, subscription: Subscription) -> None:
    session.add(subscription)
    session.flush()


def tell(
    session: Session,
    subscription: Subscription,
    action: str,
    *,
    person_id: UUID | None,
    now: datetime,
    details: dict[str, str],
) -> None:
    changes.record(session, kind="subscription", subject_id=subscription.organisation_id, now=now)
    audit.record(
        session,
        action=action,
        now=now,
        organisation_id=subscription.organisation_id,
        person_id=person_id,
        subject_id=subscription.id,
        details=details,
    )
