"""From a file to versions of plans: what would change and for whom, and making it so.

Nothing that somebody may be on is changed: a plan that says something else becomes a new version with new prices, and
who is on the old one stays there unless they are moved, from the end of an interval on, after a notice.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlmodel import Session, col, select

from app.core import audit, changes
from app.core.errors import Invalid, NotFound
from app.integrations import queries as integrations
from app.plans import document, intervals, pricing, queries, rating, services, words
from app.plans.choosing import Choice
from app.plans.document import Charge, Document
from app.plans.metrics import CALLS
from app.plans.models import BY_CUSTOMER, BY_OPERATOR, Plan, PlanVersion, PriceVersion, Subscription
from app.plans.queries import Offer
from app.plans.rating import PER_UNIT, Scheme
from app.plans.reading import Catalogue

LONGEST_NOTICE_DAYS = 366


@dataclass(frozen=True, slots=True)
class Difference:
    """A plan that is not as the file says. before: None for a new one. lines: what changes, in words. organisations:
    how many are on it now.
    """

    slug: str
    before: Offer | None
    after: Document
    lines: list[str]
    organisations: int


@dataclass(frozen=True, slots=True)
class When:
    """From when a change holds. effective_at: for whoever subscribes. is_moving: whether those on older versions
    follow, at the end of the interval in which their notice has run out.
    """

    effective_at: datetime
    notice_days: int = 0
    is_moving: bool = False


def compare(session: Session, catalogue: Catalogue) -> list[Difference]:
    """What `apply` would change, in the order of the file; then what the file has no more and is withdrawn.

    Raises Invalid for an integration or tool that is not there.
    """
    known = queries.newest(session)
    found = []
    for slug, plan in catalogue.plans.items():
        _check_places(session, slug, plan)
        before = known.get(slug)
        if before is not None and before.plan.organisation_id is not None:
            raise Invalid(f"“{slug}” is the plan of one organisation; choose another name.")
        if before is None or document.as_json(before.document) != document.as_json(plan):
            found.append(_difference(session, slug, before, plan))
    for slug, before in known.items():
        is_dropped = slug not in catalogue.plans and before.plan.organisation_id is None
        if is_dropped and (before.document.is_published or before.document.is_default):
            found.append(_difference(session, slug, before, _withdrawn(before.document)))
    return found


def apply(
    session: Session, catalogue: Catalogue, *, when: When, person_id: UUID | None = None, now: datetime
) -> list[Difference]:
    """Make it so; gives what was changed, nothing when all is as the file says. Raises Invalid."""
    if when.effective_at < now:
        raise Invalid("A plan cannot begin in the past: people have agreed to another.")
    if not 0 <= when.notice_days <= LONGEST_NOTICE_DAYS:
        raise Invalid(f"Give a notice of 0 to {LONGEST_NOTICE_DAYS} days.")
    found = compare(session, catalogue)
    while found and services.enrol(session, now=now):
        pass  # so that whoever has chosen nothing stays on what they have
    for difference in found:
        offer = _follow(session, difference, effective_at=when.effective_at, now=now)
        details = {"plan": difference.slug, "number": str(offer.version.number), "changes": "; ".join(difference.lines)}
        details |= {
            "from": when.effective_at.isoformat(timespec="seconds"),
            "organisations": str(difference.organisations),
        }
        if when.is_moving and difference.before is not None and difference.slug in catalogue.plans:
            details |= {"moved": str(_move(session, offer, when, now=now)), "notice_days": str(when.notice_days)}
        changes.record(session, kind="plan", subject_id=offer.version.id, now=now)
        audit.record(
            session, action="plan.set", now=now, person_id=person_id, subject_id=offer.version.id, details=details
        )
    return found


def digest_of(slug: str, version: PlanVersion) -> str:
    """SHA-256 (hex) of a version of the plan `slug` in canonical JSON: changes with any part of it."""
    return hashlib.sha256(
        json.dumps(said_of(slug, version), sort_keys=True, separators=(",", ":")).encode()
    ).hexdigest()


def said_of(slug: str, version: PlanVersion) -> dict[str, Any]:
    """What the digest is made of: everything that the version says."""
    return {
        "id": str(version.id),
        "plan": slug,
        "number": version.number,
        "document": version.document,
        "effective_at": version.effective_at.astimezone(UTC).isoformat(timespec="microseconds"),
    }


def _difference(session: Session, slug: str, before: Offer | None, after: Document) -> Difference:
    lines = words.differences(before.document if before is not None else None, after)
    on_it = queries.organisations_on(session, before.plan) if before is not None else 0
    return Difference(slug, before, after, lines or ["the order of what it says"], on_it)


def _withdrawn(plan: Document) -> Document:
    said = document.as_json(plan) | {"is_published": False, "is_default": False}
    return document.from_json(said)


def _check_places(session: Session, slug: str, plan: Document) -> None:
    for charge in plan.charges:
        if not charge.integration:
            continue
        try:
            integration = integrations.by_slug(session, charge.integration)
            if charge.tool:
                integrations.check_tool(session, integration, charge.tool)
        except (NotFound, Invalid) as problem:
            raise Invalid(f"The charge “{charge.key}” of the plan “{slug}”: {problem.message}") from None


def _follow(session: Session, difference: Difference, *, effective_at: datetime, now: datetime) -> Offer:
    before = difference.before
    plan = before.plan if before is not None else Plan(slug=difference.slug, created_at=now)
    session.add(plan)
    session.flush()
    version = PlanVersion(
        id=uuid4(),
        plan_id=plan.id,
        number=before.version.number + 1 if before is not None else 1,
        document=document.as_json(difference.after),
        digest="",
        effective_at=effective_at,
        created_at=now,
    )
    version.digest = digest_of(plan.slug, version)
    session.add(version)
    session.flush()
    for charge in difference.after.charges:
        for currency in charge.prices:
            session.add(_price(session, version, charge, currency))
    session.flush()
    return Offer(plan, version, difference.after)


def _price(session: Session, version: PlanVersion, charge: Charge, currency: str) -> PriceVersion:
    schemes = charge.prices[currency]
    calls = schemes.get(CALLS, Scheme())
    is_plain = set(schemes) == {CALLS} and calls == Scheme(PER_UNIT, nanos=calls.nanos)
    price = PriceVersion(
        id=uuid4(),
        integration_id=integrations.by_slug(session, charge.integration).id if charge.integration else None,
        tool=charge.tool,
        currency=currency,
        nanos_per_unit=calls.nanos if is_plain else 0,
        scheme=rating.as_json(calls),
        digest="",
        effective_at=version.effective_at,
        created_at=version.created_at,
        plan_version_id=version.id,
        charge=charge.key,
        components={metric: rating.as_json(scheme) for metric, scheme in schemes.items()},
        max_per_call=dict(charge.max_per_call),
    )
    price.digest = pricing.digest_of(price)
    return price


def _move(session: Session, offer: Offer, when: When, *, now: datetime) -> int:
    """Plan the new version for all who are on older ones and have planned nothing else; gives for how many."""
    statement = (
        select(Subscription)
        .join(PlanVersion, col(PlanVersion.id) == col(Subscription.plan_version_id))
        .where(PlanVersion.plan_id == offer.plan.id, PlanVersion.number < offer.version.number)
        .where(col(Subscription.ends_at).is_(None), Subscription.next_by != BY_CUSTOMER)
        .order_by(col(Subscription.id))
        .with_for_update(of=Subscription)
    )
    told_at = max(when.effective_at, now + timedelta(days=when.notice_days))
    said = offer.document
    moved = 0
    for subscription in session.exec(statement).all():
        is_same_kind = subscription.interval in said.intervals or not said.intervals
        interval = (subscription.interval if said.intervals else "") if is_same_kind else said.intervals[0]
        seats = min(max(subscription.seats, said.seats_included), said.seats_most)
        choice = Choice(offer, subscription.currency, interval, seats)
        _, at = intervals.around(told_at, interval=subscription.interval, anchor_at=subscription.anchor_at)
        services.plan_next(session, subscription, choice, at=at, by=BY_OPERATOR, now=now)
        moved += 1
    return moved
