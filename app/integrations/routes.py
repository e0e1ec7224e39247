"""Integrations as a gateway holds them in memory: where a slug leads."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session, col

from app.core.vault import CannotOpen, Vault
from app.integrations import credentials
from app.integrations.models import Installation, Integration

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Route:
    """One integration. upstream_url: never shown to callers. is_open: to organisations that did not install it, too.

    credential: the header, name and value, by which the gateway is let in there; empty for none.
    """

    integration_id: UUID
    slug: str
    name: str
    upstream_url: str
    is_enabled: bool
    is_open: bool = True
    credential: bytes = field(default=b"", repr=False)


def every(session: Session, vault: Vault) -> list[Route]:
    """All integrations, switched off ones included, but not those whose credential cannot be opened."""
    return _routes(session, None, vault)


def among(session: Session, integration_ids: Iterable[UUID], vault: Vault) -> list[Route]:
    """The same for such of `integration_ids` as exist."""
    return _routes(session, list(integration_ids), vault)


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


def _routes(session: Session, integration_ids: list[UUID] | None, vault: Vault) -> list[Route]:
    statement = select(
        col(Integration.id),
        col(Integration.slug),
        col(Integration.name),
        col(Integration.upstream_url),
        col(Integration.is_enabled),
        col(Integration.is_open),
        col(Integration.credential_header),
        col(Integration.credential_sealed),
    )
    if integration_ids is not None:
        statement = statement.where(col(Integration.id).in_(integration_ids))
    found = []
    for integration_id, slug, name, upstream_url, is_enabled, is_open, header, sealed in session.execute(statement):
        try:
            credential = credentials.line(integration_id, header, sealed, vault)
        except CannotOpen as problem:
            log.error("policy.credential_unreadable", extra={"integration": slug, "error": problem.message})
        else:
            found.append(Route(integration_id, slug, name, upstream_url, is_enabled, is_open, credential))
    return found
