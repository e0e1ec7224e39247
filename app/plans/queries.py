"""Looking prices, plans and subscriptions up."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func
from sqlmodel import Session, col, select

from app.core.errors import NotFound
from app.integrations.models import Integration
from app.organisations.models import Organisation
from app.plans import document
from app.plans.document import Document
from app.plans.models import INCOMPLETE, Plan, PlanVersion, PriceVersion, Subscription

_IS_OWN = col(PriceVersion.plan_version_id).is_(None)


@dataclass(frozen=True, slots=True)
class Offer:
    """A version of a plan, with what it says."""

    plan: Plan
    version: PlanVersion
    document: Document


@dataclass(frozen=True, slots=True)
class Standing:
    """What an organisation is on at a moment. subscription: None for the default plan that nobody has chosen."""

    offer: Offer
    subscription: Subscription | None


def versions_of(session: Session, integration: Integration, *, tool: str) -> list[PriceVersion]:
    """All versions of an integration's own price, oldest first."""
    return list(
        session.exec(
            select(PriceVersion)
            .where(PriceVersion.integration_id == integration.id, PriceVersion.tool == tool, _IS_OWN)
            .order_by(col(PriceVersion.effective_at), col(PriceVersion.created_at))
        )
    )


def in_force(session: Session, *, now: datetime) -> list[tuple[Integration, PriceVersion]]:
    """Integrations' own prices by slug and tool, the latest first: what holds now and what is set for later."""
    found = session.exec(
        select(Integration, PriceVersion)
        .join(PriceVersion, col(PriceVersion.integration_id) == col(Integration.id))
        .where(_IS_OWN)
        .order_by(col(Integration.slug), col(PriceVersion.tool), col(PriceVersion.effective_at).desc())
    ).all()
    kept: list[tuple[Integration, PriceVersion]] = []
    holds: set[tuple[str, str]] = set()
    for integration, price in found:
        place = (integration.slug, price.tool)
        if place not in holds:
            kept.append((integration, price))
        if price.effective_at <= now:
            holds.add(place)
    return kept


def offer_of(session: Session, version_id: UUID) -> Offer:
    """A version by its id, with its plan."""
    version = session.get_one(PlanVersion, version_id)
    return Offer(session.get_one(Plan, version.plan_id), version, document.from_json(version.document))


def newest(session: Session) -> dict[str, Offer]:
    """Slug to the last version of each plan, whether or not it holds yet, in the order the plans were made."""
    return _last(session, None)


def newest_at(session: Session, moment: datetime) -> dict[str, Offer]:
    """The same as it is at `moment`."""
    return _last(session, moment)


def catalogue(session: Session, *, at: datetime) -> list[Offer]:
    """What anybody can choose at `at`, the plans in the order they were made."""
    return [offer for offer in _last(session, at).values() if _is_offered(offer)]


def offer(session: Session, slug: str, *, at: datetime, organisation: Organisation | None = None) -> Offer:
    """What `organisation` (None for anybody) can choose by this name. Raises NotFound."""
    found = _last(session, at).get(slug)
    its_own = found is not None and organisation is not None and found.plan.organisation_id == organisation.id
    if found is None or not (its_own or _is_offered(found)):
        raise NotFound(f"There is no plan “{slug}” to choose.")
    return found


def default(session: Session, *, at: datetime) -> Offer | None:
    """What whoever has chosen nothing is on; None before there is a catalogue."""
    return next((offer for offer in _last(session, at).values() if offer.document.is_default), None)


def prices_of(session: Session, version_ids: Iterable[UUID], *, currency: str = "") -> list[PriceVersion]:
    """The prices of these versions of plans, by version and charge. currency: "" for all."""
    statement = select(PriceVersion).where(col(PriceVersion.plan_version_id).in_(list(version_ids)))
    if currency:
        statement = statement.where(PriceVersion.currency == currency)
    return list(session.exec(statement.order_by(col(PriceVersion.plan_version_id), col(PriceVersion.charge))))


def subscription_at(session: Session, organisation_id: UUID, at: datetime) -> Subscription | None:
    """The one in force then; None for the default plan."""
    return next((one for one in history(session, organisation_id) if one.is_in_force(at)), None)


def paid_in(session: Session, organisation_id: UUID) -> str:
    """The one currency that an organisation pays in, from its first subscription that cost something on; "" before."""
    return next((one.currency for one in history(session, organisation_id) if one.currency), "")


def history(session: Session, organisation_id: UUID) -> list[Subscription]:
    """All that were or will be in force, oldest first; they follow each other without overlapping."""
    statement = (
        select(Subscription)
        .where(Subscription.organisation_id == organisation_id, Subscription.state != INCOMPLETE)
        .order_by(col(Subscription.begins_at), col(Subscription.created_at))
    )
    return list(session.exec(statement))


def standing(session: Session, organisation_id: UUID, *, at: datetime) -> Standing | None:
    """What the organisation is on; None before there is a catalogue."""
    subscription = subscription_at(session, organisation_id, at)
    if subscription is not None:
        return Standing(offer_of(session, subscription.plan_version_id), subscription)
    usual = default(session, at=at)
    return Standing(usual, None) if usual is not None else None


def organisations_on(session: Session, plan: Plan) -> int:
    """How many have an open subscription to any version of it."""
    statement = (
        select(func.count())
        .select_from(Subscription)
        .join(PlanVersion, col(PlanVersion.id) == col(Subscription.plan_version_id))
        .where(PlanVersion.plan_id == plan.id, col(Subscription.ends_at).is_(None), Subscription.state != INCOMPLETE)
    )
    return int(session.exec(statement).one())


def _is_offered(offer: Offer) -> bool:
    return offer.document.is_published and offer.plan.organisation_id is None


def _last(session: Session, at: datetime | None) -> dict[str, Offer]:
    """Slug to the highest version that holds at `at`; None for the highest of all."""
    statement = (
        select(Plan, PlanVersion)
        .where(PlanVersion.plan_id == Plan.id)
        .order_by(col(Plan.created_at), col(Plan.slug), col(PlanVersion.number))
    )
    if at is not None:
        statement = statement.where(col(PlanVersion.effective_at) <= at)
    rows = {plan.slug: (plan, version) for plan, version in session.exec(statement)}
    return {slug: Offer(plan, version, document.from_json(version.document)) for slug, (plan, version) in rows.items()}
