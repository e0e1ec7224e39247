"""Looking prices up."""

from datetime import datetime

from sqlmodel import Session, col, select

from app.integrations.models import Integration
from app.plans.models import PriceVersion

_IS_OWN = col(PriceVersion.plan_version_id).is_(None)


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
