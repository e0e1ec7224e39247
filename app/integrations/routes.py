"""Integrations as a gateway holds them in memory: where a slug leads."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session, col

from app.integrations.models import Installation, Integration


@dataclass(frozen=True, slots=True)
class Route:
    """One integration. upstream_url: never shown to callers. is_open: to organisations that did not install it, too."""

    integration_id: UUID
    slug: str
    name: str
    upstream_url: str
    is_enabled: bool
    is_open: bool = True


def every(session: Session) -> list[Route]:
    """All integrations, switched off ones included."""
    return _routes(session, None)


def among(session: Session, integration_ids: Iterable[UUID]) -> list[Route]:
    """Those of `integration_ids` that exist."""
    return _routes(session, list(integration_ids))


def installed(session: Session, organisation_ids: Iterable[UUID] | None = None) -> dict[UUID, frozenset[UUID]]:
    """Organisation to the integrations that it has installed: all of `organisation_ids`, else all that have any."""
    statement = select(col(Installation.organisation_id), col(Installation.integration_id))
    wanted = None if organisation_ids is None else list(organisation_ids)
    if wanted is not None:
        statement = statement.where(col(Installation.organisation_id).in_(wanted))
    found: dict[UUID, set[UUID]] = {one: set() for one in wanted or ()}
    for organisation_id, integration_id in session.execute(statement):
        found.setdefault(organisation_id, set()).add(integration_id)
    return {organisation_id: frozenset(integration_ids) for organisation_id, integration_ids in found.items()}


def _routes(session: Session, integration_ids: list[UUID] | None) -> list[Route]:
    statement = select(
        col(Integration.id),
        col(Integration.slug),
        col(Integration.name),
        col(Integration.upstream_url),
        col(Integration.is_enabled),
        col(Integration.is_open),
    )
    if integration_ids is not None:
        statement = statement.where(col(Integration.id).in_(integration_ids))
    return [Route(*row) for row in session.execute(statement)]
