"""Taking back moves to a version that a newer one has superseded: nobody follows there any more, what was not sent yet
is not sent, and who had been told hears that it will not happen, or what comes instead.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, exists, func
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from app.core import mail, moments
from app.organisations.models import Organisation
from app.plans import letters, queries, recording
from app.plans.models import BY_OPERATOR, INCOMPLETE, Plan, PlanMove, PlanVersion, Subscription
from app.plans.queries import Offer

_newer = aliased(PlanVersion)


def superseded(session: Session, *, now: datetime) -> Sequence[Subscription]:
    """Who is still to follow to a version that is not its plan's last, locked until the transaction ends. What is due
    already has happened: calls are charged by it.
    """
    is_superseded = exists().where(
        col(_newer.plan_id) == col(PlanVersion.plan_id), col(_newer.number) > col(PlanVersion.number)
    )
    statement = select(Subscription).join(PlanVersion, _IS_NEXT).where(*_is_to_follow(now), is_superseded)
    return session.exec(
        statement.order_by(col(Subscription.id)).with_for_update(of=Subscription, skip_locked=True)
    ).all()


def waiting(session: Session, plan: Plan, *, now: datetime) -> int:
    """How many are to follow to a version of this plan, and would not any more after another."""
    statement = select(func.count()).select_from(Subscription).join(PlanVersion, _IS_NEXT)
    return int(session.exec(statement.where(*_is_to_follow(now), PlanVersion.plan_id == plan.id)).one())


def withdraw(session: Session, subscription: Subscription, *, now: datetime) -> None:
    """It stays as it is, and who had been told is told that. Stripe is to be told (app/billing/planned.py): by nothing
    being planned by an operator.
    """
    version_id, at = subscription.next_plan_version_id, subscription.next_at
    assert version_id is not None
    assert at is not None
    offer = queries.offer_of(session, version_id)
    informed = told(session, subscription)
    recording.forget_next(subscription)
    subscription.next_by = BY_OPERATOR
    recording.keep(session, subscription)
    details = {"plan": offer.plan.slug, "number": str(offer.version.number), "from": at.isoformat(timespec="seconds")}
    recording.tell(session, subscription, "subscription.move_withdrawn", now=now, details=details)
    _write(session, subscription, offer, informed, at=at, now=now)


def told(session: Session, subscription: Subscription) -> list[str]:
    """The addresses of those who had been told of what is planned. What was not tried yet is not sent any more."""
    organisation = session.get_one(Organisation, subscription.organisation_id)
    version_id, at = subscription.next_plan_version_id, subscription.next_at
    assert version_id is not None
    assert at is not None
    unsent = mail.take_back(session, key=letters.key_of(organisation, version_id, at))
    return [address for address in letters.payers_of(session, organisation) if address not in unsent]


def _write(
    session: Session, subscription: Subscription, offer: Offer, to: Sequence[str], *, at: datetime, now: datetime
) -> None:
    organisation = session.get_one(Organisation, subscription.organisation_id)
    for address in to:
        mail.queue(
            session,
            to=address,
            template="plan_stays",
            context={"organisation": organisation.name, "plan": offer.document.name, "on": moments.day(at)},
            key=f"plan-stays:{organisation.id}:{offer.version.id}:{at:%Y-%m-%d}",
            organisation_id=organisation.id,
            now=now,
        )


_IS_NEXT = col(PlanVersion.id) == col(Subscription.next_plan_version_id)


def _is_to_follow(now: datetime) -> list[ColumnElement[bool]]:
    is_moved_to = exists().where(col(PlanMove.plan_version_id) == col(Subscription.next_plan_version_id))
    return [
        col(Subscription.next_by) == BY_OPERATOR,
        col(Subscription.next_at) > now,
        col(Subscription.ends_at).is_(None),
        col(Subscription.state) != INCOMPLETE,
        is_moved_to,
    ]
