"""Moving those on older versions of a plan to a new one: announced, at the end of an interval, and each told once.

Kept as a wish until everybody has followed: who comes back from a cancellation, or was on another plan meanwhile, is
planned for as well. Who has planned something else is left alone, and so is who cannot follow.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_
from sqlmodel import Session, col, select

from app.accounts.models import Person
from app.core import mail
from app.organisations import roles
from app.organisations.models import Membership, Organisation
from app.plans import intervals, queries, services, words
from app.plans.choosing import Choice
from app.plans.models import BY_CUSTOMER, BY_OPERATOR, INCOMPLETE, PlanMove, PlanVersion, Subscription
from app.plans.queries import Offer

PAGE = 200
LEAD = timedelta(hours=1)
"""What is planned begins later than that, so that Stripe has heard of it before."""
_MICROSECOND = timedelta(microseconds=1)
_PAYERS = [role for role in roles.PERMISSIONS if roles.may(role, "billing:write")]


def begin(session: Session, offer: Offer, *, effective_at: datetime, notice_days: int, now: datetime) -> None:
    """Have all who are on older versions follow to `offer`; the worker sees to each."""
    follow_at = max(effective_at, now + timedelta(days=notice_days))
    move = PlanMove(plan_version_id=offer.version.id, notice_days=notice_days, follow_at=follow_at, created_at=now)
    session.add(move)
    session.flush()


def carry_on(session: Session, *, now: datetime) -> int:
    """Plan for whoever is to follow and has nothing planned; gives for how many. At most a page; for the worker."""
    newest = {offer.version.id: offer for offer in queries.newest(session).values()}
    planned = 0
    for move in session.exec(select(PlanMove).order_by(col(PlanMove.created_at))).all():
        offer = newest.get(move.plan_version_id)
        if offer is None or not offer.document.is_published:
            continue  # another version has come, with a move of its own or without; or the plan was withdrawn
        for subscription in _to_plan(session, offer, limit=PAGE - planned):
            _plan(session, subscription, offer, move, now=now)
            planned += 1
    return planned


def followers(session: Session, offer: Offer) -> int:
    """How many are on older versions and would follow."""
    statement = select(func.count()).select_from(Subscription).join(PlanVersion, _IS_ON)
    return int(session.exec(statement.where(*_would_follow(offer))).one())


def can_follow(subscription: Subscription, before: Offer, offer: Offer) -> bool:
    """Whether the plan is still paid for in the same way, and in the same currency."""
    said = offer.document
    is_payable = not said.currencies or subscription.currency in said.currencies
    return before.document.kind == said.kind and is_payable


def follows_at(subscription: Subscription, move: PlanMove, *, now: datetime) -> datetime:
    """The end of the interval in which the notice has run out, for somebody who is told at `now`."""
    told_at = max(move.created_at, subscription.begins_at)
    earliest = max(move.follow_at, told_at + timedelta(days=move.notice_days), now + LEAD)
    return intervals.around(earliest - _MICROSECOND, interval=subscription.interval, anchor_at=subscription.anchor_at)[
        1
    ]


def first_at(*, effective_at: datetime, notice_days: int, now: datetime) -> datetime:
    """When those who pay by the month, or nothing in advance, would follow; others when their year is over."""
    earliest = max(effective_at, now + timedelta(days=notice_days), now + LEAD)
    return intervals.around(earliest - _MICROSECOND, interval="", anchor_at=earliest)[1]


def choice_for(subscription: Subscription, offer: Offer) -> Choice:
    """What it becomes: with the same interval, where there still is one, and as many seats as may be."""
    said = offer.document
    interval = subscription.interval if subscription.interval in said.intervals else next(iter(said.intervals), "")
    seats = min(max(subscription.seats, said.seats_included), said.seats_most)
    return Choice(offer, subscription.currency, interval, seats)


_IS_ON = col(PlanVersion.id) == col(Subscription.plan_version_id)


def _would_follow(offer: Offer) -> list[ColumnElement[bool]]:
    currencies = offer.document.currencies
    return [
        PlanVersion.plan_id == offer.plan.id,
        PlanVersion.number < offer.version.number,
        col(PlanVersion.document)["kind"].as_string() == offer.document.kind,
        col(Subscription.ends_at).is_(None),
        Subscription.state != INCOMPLETE,
        Subscription.next_by != BY_CUSTOMER,
        *([col(Subscription.currency).in_(currencies)] if currencies else []),
    ]


def _to_plan(session: Session, offer: Offer, *, limit: int) -> Sequence[Subscription]:
    planned = col(Subscription.next_plan_version_id)
    statement = (
        select(Subscription)
        .join(PlanVersion, _IS_ON)
        .where(*_would_follow(offer), or_(planned.is_(None), planned != offer.version.id))
        .order_by(col(Subscription.id))
        .limit(limit)
        .with_for_update(of=Subscription, skip_locked=True)
    )
    return session.exec(statement).all()


def _plan(session: Session, subscription: Subscription, offer: Offer, move: PlanMove, *, now: datetime) -> None:
    at = follows_at(subscription, move, now=now)
    choice = choice_for(subscription, offer)
    before = queries.offer_of(session, subscription.plan_version_id)
    services.plan_next(session, subscription, choice, at=at, by=BY_OPERATOR, now=now)
    organisation = session.get_one(Organisation, subscription.organisation_id)
    context: dict[str, mail.Words] = {
        "organisation": organisation.name,
        "plan": offer.document.name,
        "on": f"{at.day} {at:%B %Y}",
        "changes": words.news(before.document, offer.document, currency=choice.currency),
    }
    for address in _owners_of(session, organisation):
        mail.queue(
            session,
            to=address,
            template="plan_changes",
            context=context,
            key=f"plan-move:{subscription.organisation_id}:{offer.version.id}:{at:%Y-%m-%d}",
            organisation_id=organisation.id,
            now=now,
        )


def _owners_of(session: Session, organisation: Organisation) -> list[str]:
    statement = (
        select(Person.email)
        .join(Membership, col(Membership.person_id) == col(Person.id))
        .where(
            Membership.organisation_id == organisation.id,
            col(Membership.role).in_(_PAYERS),
            col(Person.email).is_not(None),
        )
    )
    return sorted({address for address in session.exec(statement) if address})
