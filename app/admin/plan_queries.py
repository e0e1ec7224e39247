"""Plans as operators look at them: each version that is lived on, and what a plan is worth. Only behind their guard."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func
from sqlmodel import Session, col, select

from app.accounts.models import Person
from app.metering.models import UsageMonth
from app.plans import amounts, document, queries
from app.plans.models import FROM_PAGE, INCOMPLETE, YEARLY, Plan, PlanMove, PlanVersion, Subscription
from app.plans.queries import Offer


@dataclass(frozen=True, slots=True)
class Lived:
    """One version of a plan: how many are on it, how many of them are to move on, and where it came from. follow_at:
    from when on others follow here. is_withdrawn: a newer version came before this one held, so that it never will.
    """

    offer: Offer
    organisations: int
    leaving: int
    source: str
    follow_at: datetime | None
    is_withdrawn: bool


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One plan, with versions that hold, will hold or are lived on, newest first. current: what can be chosen now; None
    for a plan that begins later. fees: currency to what subscribers pay in a month, whole minor units. use: the same
    for what they used in the last whole month.
    """

    newest: Offer
    current: Offer | None
    versions: tuple[Lived, ...]
    fees: Mapping[str, int]
    use: Mapping[str, int]

    @property
    def organisations(self) -> int:
        """On any version of it."""
        return sum(version.organisations for version in self.versions)


def plans(session: Session, *, month_at: datetime, now: datetime) -> list[PlanLine]:
    """All plans, in the order in which they were made. month_at: of the last whole month."""
    newest = queries.newest(session)
    held: dict[UUID, list[Lived]] = {}
    fees: dict[UUID, dict[str, int]] = {}
    by_plan = _versions(session)
    counts = _counts(session)
    moves = {move.plan_version_id: move for move in session.exec(select(PlanMove))}
    names = _names(session, by_plan)
    for plan, version in by_plan:
        offer = Offer(plan, version, document.from_json(version.document))
        on_it, leaving = counts.get(version.id, (0, 0))
        is_newest = newest[plan.slug].version.id == version.id
        if on_it or is_newest or version.effective_at > now:
            move = moves.get(version.id) if is_newest else None
            follow_at, is_withdrawn = move.follow_at if move else None, _is_withdrawn(version, by_plan)
            made = Lived(offer, on_it, leaving, _source(version, names), follow_at, is_withdrawn)
            held.setdefault(plan.id, []).insert(0, made)
        for currency, minor in _fees(session, offer).items() if on_it else ():
            mine = fees.setdefault(plan.id, {})
            mine[currency] = mine.get(currency, 0) + minor
    use = _use(session, month_at)
    current = queries.newest_at(session, now)
    return [
        PlanLine(
            offer, current.get(slug), tuple(held.get(offer.plan.id, ())), fees.get(offer.plan.id, {}),
            use.get(offer.plan.id, {}),
        )
        for slug, offer in newest.items()
    ]  # fmt: skip


def _versions(session: Session) -> list[tuple[Plan, PlanVersion]]:
    statement = select(Plan, PlanVersion).where(PlanVersion.plan_id == Plan.id).order_by(col(PlanVersion.number))
    return list(session.exec(statement).all())


def _is_withdrawn(version: PlanVersion, versions: list[tuple[Plan, PlanVersion]]) -> bool:
    return any(
        newer.plan_id == version.plan_id
        and newer.number > version.number
        and newer.effective_at <= version.effective_at
        for _, newer in versions
    )


def _counts(session: Session) -> dict[UUID, tuple[int, int]]:
    """Version to how many are on it, and how many of them have something planned."""
    statement = (
        select(Subscription.plan_version_id, func.count(), func.count(col(Subscription.next_at)))
        .where(col(Subscription.ends_at).is_(None), Subscription.state != INCOMPLETE)
        .group_by(col(Subscription.plan_version_id))
    )
    return {version_id: (int(count), int(leaving)) for version_id, count, leaving in session.exec(statement)}


def _fees(session: Session, offer: Offer) -> dict[str, int]:
    """Currency to what those on it pay in a month for base and further seats; a twelfth of what is paid by the year."""
    said = offer.document
    found: dict[str, int] = {}
    statement = (
        select(Subscription.currency, Subscription.interval, Subscription.seats, func.count())
        .where(Subscription.plan_version_id == offer.version.id, Subscription.interval != "")
        .where(col(Subscription.ends_at).is_(None), Subscription.state != INCOMPLETE)
        .group_by(col(Subscription.currency), col(Subscription.interval), col(Subscription.seats))
    )
    for currency, interval, seats, count in session.exec(statement):
        base = said.base.get(currency, {}).get(interval, 0)
        seat = said.seat.get(currency, {}).get(interval, 0)
        each = base + seat * max(0, seats - said.seats_included)
        found[currency] = found.get(currency, 0) + count * (each // 12 if interval == YEARLY else each)
    return found


def _use(session: Session, month_at: datetime) -> dict[UUID, dict[str, int]]:
    """Plan to currency to what those on it now used in the month."""
    statement = (
        select(PlanVersion.plan_id, Subscription.currency, func.sum(UsageMonth.amount_nanos))
        .join(PlanVersion, col(PlanVersion.id) == col(Subscription.plan_version_id))
        .join(UsageMonth, col(UsageMonth.organisation_id) == col(Subscription.organisation_id))
        .where(UsageMonth.month_at == month_at, Subscription.currency != "")
        .where(col(Subscription.ends_at).is_(None), Subscription.state != INCOMPLETE)
        .group_by(col(PlanVersion.plan_id), col(Subscription.currency))
    )
    found: dict[UUID, dict[str, int]] = {}
    for plan_id, currency, nanos in session.exec(statement):
        found.setdefault(plan_id, {})[currency] = amounts.to_minor(int(nanos or 0))
    return found


def _names(session: Session, versions: list[tuple[Plan, PlanVersion]]) -> dict[UUID, str]:
    ids = {version.person_id for _, version in versions if version.person_id is not None}
    return dict(session.exec(select(Person.id, Person.name).where(col(Person.id).in_(ids))).all()) if ids else {}


def _source(version: PlanVersion, names: Mapping[UUID, str]) -> str:
    if version.source != FROM_PAGE:
        return "from a file"
    name = names.get(version.person_id, "an operator") if version.person_id is not None else "an operator"
    return f"by {name}, here"
