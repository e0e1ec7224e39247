"""Versions of plans with their prices: made from what a plan says, and what their digests are made of."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlmodel import Session

from app.integrations import queries as integrations
from app.plans import document, pricing, rating
from app.plans.document import Charge, Document
from app.plans.metrics import CALLS
from app.plans.models import Plan, PlanVersion, PriceVersion
from app.plans.queries import Offer
from app.plans.rating import PER_UNIT, Scheme


@dataclass(frozen=True, slots=True)
class Draft:
    """A version that is not kept yet, with its prices, so that it can be tried out. is_new: its plan, too."""

    offer: Offer
    prices: tuple[PriceVersion, ...]
    is_new: bool


def draft(
    session: Session, slug: str, before: Offer | None, after: Document, *, effective_at: datetime, now: datetime
) -> Draft:
    """What follows `before`; None for a new plan. Writes nothing."""
    plan = before.plan if before is not None else Plan(id=uuid4(), slug=slug, created_at=now)
    version = PlanVersion(
        id=uuid4(),
        plan_id=plan.id,
        number=before.version.number + 1 if before is not None else 1,
        document=document.as_json(after),
        digest="",
        effective_at=effective_at,
        created_at=now,
    )
    version.digest = digest_of(plan.slug, version)
    prices = [_price(session, version, charge, currency) for charge in after.charges for currency in charge.prices]
    return Draft(Offer(plan, version, after), tuple(prices), is_new=before is None)


def keep(session: Session, made: Draft) -> None:
    """Write it down. Raises sqlalchemy's IntegrityError if somebody else has just made that number."""
    if made.is_new:
        session.add(made.offer.plan)
        session.flush()
    session.add(made.offer.version)
    session.flush()
    session.add_all(made.prices)
    session.flush()


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
