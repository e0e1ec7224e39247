"""What follows by itself when its moment has come: the plan that was planned, or else the default one."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from app.core import changes
from app.organisations.models import Organisation
from app.plans import intervals, owing, queries, recording
from app.plans.choosing import Choice
from app.plans.models import INCOMPLETE, Subscription
from app.plans.queries import Offer

PAGE = 500


def end(session: Session, *, subscription: Subscription, now: datetime) -> None:
    """At once, whatever was paid for: what was planned for a moment that has come follows, or else the default plan."""
    if subscription.next_at is None or subscription.next_at > now:
        recording.forget_next(subscription)
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
    current = recording.open_of(session, organisation_id)
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
    made = recording.begin(
        session, organisation.id, choice, at=at, anchor_at=intervals.anchor_of(at), stripe_id="", now=now
    )
    changes.record(session, kind="subscription", subject_id=organisation.id, now=now)
    return made


def _succeed(session: Session, subscription: Subscription, *, now: datetime) -> bool:
    at, choice = subscription.next_at, _following(session, subscription, now=now)
    if at is None or choice is None:
        return False
    stripe_id = subscription.stripe_id if choice.is_paid else ""
    recording.end(session, subscription, at=at, is_cancelled=subscription.next_plan_version_id is None)
    anchor_at = subscription.anchor_at if subscription.interval == choice.interval else intervals.anchor_of(at)
    made = recording.begin(
        session, subscription.organisation_id, choice, at=at, anchor_at=anchor_at, stripe_id=stripe_id, now=now
    )
    owing.carry(subscription, made)
    recording.tell(session, made, "subscription.begun", now=now, details={"plan": choice.offer.plan.slug})
    return True


def _following(session: Session, subscription: Subscription, *, now: datetime) -> Choice | None:
    """What comes next: what was planned, or else the default plan; None before there is one."""
    if subscription.next_plan_version_id is not None:
        following = queries.offer_of(session, subscription.next_plan_version_id)
        return Choice(following, subscription.currency, subscription.next_interval, subscription.next_seats)
    usual = queries.default(session, at=now)
    return Choice(usual, subscription.currency, "", usual.document.seats_included) if usual is not None else None
