"""Whom a change of plans concerns, before it is made: who is on older versions, and what their last month would have
cost by the new one, made by the very function that makes bills.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from app.billing import gathering, months, what_if
from app.billing.bill import Statement
from app.billing.months import Month
from app.organisations.models import Organisation
from app.plans import moving, queries
from app.plans.models import BY_CUSTOMER, INCOMPLETE, PlanVersion, Subscription
from app.plans.queries import Offer
from app.plans.versions import Draft

MOST = 200
"""Organisations whose month is worked out: a page is not to take minutes."""

FOLLOWS, PLANNED, OTHER_WAY, SAME = "follows", "planned", "other_way", "same"
"""What would become of those on an older version if they were moved: they follow, have planned something else,
could not pay for it in their currency or in that way, or have all of it already.
"""


@dataclass(slots=True)
class Group:
    """Organisations on one version, in one currency, with one lot. looked_at: for how many the sums are, in whole minor
    units: what the month cost them, and would have. dearest: the most that it would have been more for one of them.
    """

    number: int
    currency: str
    lot: str
    organisations: int = 0
    looked_at: int = 0
    was: int = 0
    would: int = 0
    dearest: int = 0

    @property
    def difference(self) -> int:
        """What they would have paid more, all together."""
        return self.would - self.was


def month_before(now: datetime) -> Month:
    """The last whole month."""
    return months.before(months.around(now))


def of(session: Session, draft: Draft, *, now: datetime) -> list[Group]:
    """Everybody on older versions of the draft's plan, in groups: oldest versions first."""
    if draft.is_new:
        return []
    month, left = month_before(now), MOST
    groups: dict[tuple[int, str, str], Group] = {}
    offers: dict[object, Offer] = {}
    for subscription in _subscribers(session, draft.offer):
        version_id = subscription.plan_version_id
        before = offers.get(version_id) or offers.setdefault(version_id, queries.offer_of(session, version_id))
        lot = _lot(subscription, before, draft.offer)
        place = (before.version.number, subscription.currency, lot)
        group = groups.setdefault(place, Group(*place))
        group.organisations += 1
        if left and lot != OTHER_WAY:
            left -= 1
            _add(session, group, subscription, draft, month)
    return [groups[place] for place in sorted(groups)]


def _subscribers(session: Session, offer: Offer) -> Sequence[Subscription]:
    statement = (
        select(Subscription)
        .join(PlanVersion, col(PlanVersion.id) == col(Subscription.plan_version_id))
        .where(PlanVersion.plan_id == offer.plan.id, PlanVersion.number < offer.version.number)
        .where(col(Subscription.ends_at).is_(None), Subscription.state != INCOMPLETE)
        .order_by(col(Subscription.created_at), col(Subscription.id))
    )
    return session.exec(statement).all()


def _lot(subscription: Subscription, before: Offer, offer: Offer) -> str:
    if not moving.can_follow(subscription, before, offer):
        return OTHER_WAY
    if moving.is_same(before.document, offer.document):
        return SAME
    return PLANNED if subscription.next_by == BY_CUSTOMER else FOLLOWS


def _add(session: Session, group: Group, subscription: Subscription, draft: Draft, month: Month) -> None:
    organisation = session.get_one(Organisation, subscription.organisation_id)
    choice = moving.choice_for(subscription, draft.offer)
    as_it_would_be = Subscription(
        **subscription.model_dump(exclude={"id", "plan_version_id", "interval", "seats"}),
        plan_version_id=draft.offer.version.id,
        interval=choice.interval,
        seats=choice.seats,
    )
    stays = [gathering.stay_of(as_it_would_be, draft.offer)] if choice.interval else []
    charges = [price for price in draft.prices if price.currency == subscription.currency]
    was = _sum(gathering.statement_of(session, organisation.id, month), group.currency)
    would = _sum(what_if.repriced(session, organisation, month, draft.offer, charges, stays=stays), group.currency)
    group.looked_at += 1
    group.was, group.would = group.was + was, group.would + would
    group.dearest = max(group.dearest, would - was)


def _sum(made: Statement, currency: str) -> int:
    return sum(total.subtotal_minor for total in made.totals if total.currency == currency)
