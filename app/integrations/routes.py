"""Integrations as a gateway holds them in memory: where a slug leads."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session, col

from app.integrations.models import Integration


@dataclass(frozen=True, slots=True)
class Route:
    """One integration. upstream_url: never shown to callers."""

    integration_id: UUID
    slug: str
    name: str
    upstream_url: str
    is_enabled: bool


def every(session: Session) -> list[Route]:
    """All integrations, switched off ones included."""
    return _routes(session, None)


def among(session: Session, integration_ids: Iterable[UUID]) -> list[Route]:
    """Those of `integration_ids` that exist."""
    return _routes(session, list(integration_ids))


def _routes(session: Session, integration_ids: list[UUID] | None) -> list[Route]:
    statement = select(
        col(Integration.id),
        col(Integration.slug),
        col(Integration.name),
        col(Integration.upstream_url),
        col(Integration.is_enabled),
    )
    if integration_ids is not None:
        statement = statement.where(col(Integration.id).in_(integration_ids))
    return [Route(*row) for row in session.execute(statement)]
