"""Moving those on older versions of a plan to a new one: announced, at the end of an interval, and each told once.

Kept as a wish until everybody has followed: who comes back from a cancellation, or was on another plan meanwhile, is
planned for as well. Who has planned something else is left alone, and so is who cannot follow.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_
from sqlmodel import Session, col, select

from app.core import mail, moments
from app.organisations.models import Organisation
from app.plans import document, intervals, letters, queries, services, withdrawing, words
from app.plans.choosing import Choice
from app.plans.document import Document
from app.plans.models import BY_CUSTOMER, BY_OPERATOR, INCOMPLETE, PlanMove, PlanVersion, Subscription
from app.plans.queries import Offer

PAGE = 200
LEAD = timedelta(hours=1)
"""What is planned begins later than that, so that Stripe has heard of it before."""
_MICROSECOND = timedelta(microseconds=1)
_IS_ONLY_SAID = ("words", "is_default", "is_published")
"""Parts of a plan that change nothing for whoever is on it."""


def begin(session: Session, offer: Offer, *, effective_at: datetime, notice_days: int, now: datetime) -> None:
    """Have all who are on older versions follow to `offer`; the worker sees to each."""
    follow_at = max(effective_at, now + timedelta(days=notice_days))
    move = PlanMove(plan_version_id=offer.version.id, notice_days=notice_days, follow_at=follow_at, created_at=now)
    session.add(move)
    session.flush()


def carry_on(session: Session, *, now: datetime) -> int:
    """Plan for whoever is to follow and has nothing planned; gives for how many. At most a page; for the worker. Before
    that, what was planned towards versions that are not the last any more is withdrawn, all of it.
    """
    moves = _moves(session)
    _supersede(session, moves, now=now)
    planned = 0
    for move, offer in moves:
        for subscription in _to_plan(session, offer, limit=PAGE - planned, now=now):
            _plan(session, subscription, offer, move, now=now)
            planned += 1
    return planned


def _moves(session: Session) -> list[tuple[PlanMove, Offer]]:
    """Those that hold, oldest first. Another version that has come supersedes a move, with one of its own or without;
    a plan that was withdrawn has none.
    """
    newest = {offer.version.id: offer for offer in queries.newest(session).values() if offer.document.is_published}
    found = session.exec(select(PlanMove).order_by(col(PlanMove.created_at))).all()
    return [(move, newest[move.plan_version_id]) for move in found if move.plan_version_id in newest]


def _supersede(session: Session, moves: Sequence[tuple[PlanMove, Offer]], *, now: datetime) -> None:
    """Who was to follow to a version that is not the last follows to the last instead, or stays."""
    found = withdrawing.superseded(session, now=now)
    instead: dict[UUID, tuple[PlanMove, Offer]] = {}
    for move, offer in moves if found else ():
        follow = select(Subscription.id).join(PlanVersion, _IS_ON).where(*_would_follow(session, offer))
        instead |= dict.fromkeys(session.exec(follow), (move, offer))
    for subscription in found:
        if subscription.id not in instead:
            withdrawing.withdraw(session, subscription, now=now)
            continue
        move, offer = instead[subscription.id]
        _plan(session, subscription, offer, move, now=now)


def followers(session: Session, offer: Offer) -> int:
    """How many are on older versions and would follow."""
    statement = select(func.count()).select_from(Subscription).join(PlanVersion, _IS_ON)
    return int(session.exec(statement.where(*_would_follow(session, offer))).one())


def can_follow(subscription: Subscription, before: Offer, offer: Offer) -> bool:
    """Whether the plan is still paid for in the same way, and in the same currency."""
    said = offer.document
    is_payable = not said.currencies or subscription.currency in said.currencies
    return before.document.kind == said.kind and is_payable


def is_same(before: Document, after: Document) -> bool:
    """Whether nothing changes for whoever is on it: prices, fees, limits, seats, and what they were promised."""
    said = [document.as_json(one) for one in (before, after)]
    was, becomes = ({name: part for name, part in one.items() if name not in _IS_ONLY_SAID} for one in said)
    return was == becomes


def follows_at(
    subscription: Subscription, move: PlanMove, *, told_at: datetime | None = None, now: datetime
) -> datetime:
    """The end of the interval in which the notice has run out. told_at: when they were first told; None for those who
    are told at `now`.
    """
    told_at = told_at or max(move.created_at, subscription.begins_at)
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


def _would_follow(session: Session, offer: Offer) -> list[ColumnElement[bool]]:
    currencies = offer.document.currencies
    return [
        col(PlanVersion.id).in_(_others(session, offer)),
        col(PlanVersion.document)["kind"].as_string() == offer.document.kind,
        col(Subscription.ends_at).is_(None),
        Subscription.state != INCOMPLETE,
        Subscription.next_by != BY_CUSTOMER,
        *([col(Subscription.currency).in_(currencies)] if currencies else []),
    ]


def _others(session: Session, offer: Offer) -> list[UUID]:
    """The older versions that are otherwise for whoever is on them."""
    older = session.exec(
        select(PlanVersion).where(PlanVersion.plan_id == offer.plan.id, PlanVersion.number < offer.version.number)
    )
    return [version.id for version in older if not is_same(document.from_json(version.document), offer.document)]


def _to_plan(session: Session, offer: Offer, *, limit: int, now: datetime) -> Sequence[Subscription]:
    planned = col(Subscription.next_plan_version_id)
    is_elsewhere = and_(planned != offer.version.id, col(Subscription.next_at) > now)
    statement = (
        select(Subscription)
        .join(PlanVersion, _IS_ON)
        .where(*_would_follow(session, offer), or_(planned.is_(None), is_elsewhere))
        .order_by(col(Subscription.id))
        .limit(limit)
        .with_for_update(of=Subscription, skip_locked=True)
    )
    return session.exec(statement).all()


def _plan(session: Session, subscription: Subscription, offer: Offer, move: PlanMove, *, now: datetime) -> None:
    told_at = letters.first_told_at(session, subscription.organisation_id, offer.version.id)
    at = follows_at(subscription, move, told_at=told_at, now=now)
    choice = choice_for(subscription, offer)
    before = queries.offer_of(session, subscription.plan_version_id)
    was_at = subscription.next_at if subscription.next_plan_version_id is not None else None
    instead_of = moments.day(was_at) if was_at is not None else ""
    informed = withdrawing.told(session, subscription) if was_at is not None else []
    services.plan_next(session, subscription, choice, at=at, by=BY_OPERATOR, now=now)
    organisation = session.get_one(Organisation, subscription.organisation_id)
    context: dict[str, mail.Words] = {
        "organisation": organisation.name,
        "plan": offer.document.name,
        "on": moments.day(at),
        "changes": words.news(before.document, offer.document, currency=choice.currency),
    }
    for address in letters.payers_of(session, organisation):
        mail.queue(
            session,
            to=address,
            template="plan_changes",
            context={**context, "instead_of": instead_of if address in informed else ""},
            key=letters.key_of(organisation, offer.version.id, at),
            organisation_id=organisation.id,
            now=now,
        )
