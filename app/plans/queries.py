"""Looking prices up."""

from datetime import datetime

from sqlmodel import Session, col, select

from app.integrations.models import Integration
from app.plans.models import PriceVersion


def versions_of(session: Session, integration: Integration, *, tool: str) -> list[PriceVersion]:
    """All versions of one price, oldest first."""
    return list(
        session.exec(
            select(PriceVersion)
            .where(PriceVersion.integration_id == integration.id, PriceVersion.tool == tool)
            .order_by(col(PriceVersion.effective_at), col(PriceVersion.created_at))
        )
    )


def in_force(session: Session, *, now: datetime) -> list[tuple[Integration, PriceVersion]]:
    """What holds now and what is set for later, by slug and tool, the latest first; what was followed is left out."""
    found = session.exec(
        select(Integration, PriceVersion)
        .join(PriceVersion, col(PriceVersion.integration_id) == col(Integration.id))
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
