"""Subscriptions as they are kept: the one without an end, how one begins and ends, and what others hear of it.

What may be chosen is for those who call this: app/plans/services.py for customers, app/plans/succession.py for what
follows by itself.
"""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from app.core import audit, changes
from app.plans.choosing import Choice
from app.plans.models import ACTIVE, CANCELLED, INCOMPLETE, Subscription


def open_of(session: Session, organisation_id: UUID) -> Subscription | None:
    """The one without an end, locked until the transaction ends."""
    statement = select(Subscription).where(
        Subscription.organisation_id == organisation_id,
        col(Subscription.ends_at).is_(None),
        Subscription.state != INCOMPLETE,
    )
    return session.exec(statement.with_for_update()).one_or_none()


def begin(
    session: Session,
    organisation_id: UUID,
    choice: Choice,
    *,
    at: datetime,
    anchor_at: datetime,
    stripe_id: str,
    now: datetime,
) -> Subscription:
    """Whatever was before has been ended. stripe_id: of the subscription there, "" for none."""
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
    keep(session, made)
    return made


def end(session: Session, subscription: Subscription, *, at: datetime, is_cancelled: bool = False) -> None:
    """Never before it began."""
    subscription.ends_at = max(at, subscription.begins_at)
    if is_cancelled:
        subscription.state = CANCELLED
    keep(session, subscription)


def forget_next(subscription: Subscription) -> None:
    """Nothing is planned any more; to be kept by the caller."""
    subscription.next_plan_version_id, subscription.next_interval, subscription.next_seats = None, "", 0
    subscription.next_at, subscription.next_by, subscription.cancel_reason = None, "", ""
    subscription.told_at = None


def keep(session: Session, subscription: Subscription) -> None:
    """Write down what was changed."""
    session.add(subscription)
    session.flush()


def tell(
    session: Session,
    subscription: Subscription,
    action: str,
    *,
    person_id: UUID | None = None,
    now: datetime,
    details: dict[str, str],
) -> None:
    """The gateways, and the audit trail. person_id: None where nobody asked for it."""
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
