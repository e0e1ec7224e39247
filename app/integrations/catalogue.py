"""Tools as a gateway holds them in memory: what was approved, word for word, and what is held."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session, col

from app.integrations import models
from app.integrations.models import Integration, Tool

VERSION_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Pinned:
    """A tool that was approved once. definition: as it was then, in JSON. version: the start of its digest.

    is_held: it is not so any more, and nobody has approved what it is now. sample: the result that test keys get, in
    JSON; empty for one made up.
    """

    name: str
    definition: bytes
    version: str
    is_held: bool
    sample: bytes


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The tools of one integration, by name. unapproved: how many it has that never were approved.

    error: why it could not be looked at last time, "" if it could. was_reached: whether it ever could.
    versions, server: revisions that it speaks, and what it said of itself, as found then.
    """

    integration_id: UUID
    tools: dict[str, Pinned]
    unapproved: int
    error: str
    was_reached: bool
    versions: tuple[str, ...] = ()
    server: dict[str, Any] = field(default_factory=dict)


def every(session: Session) -> Iterator[Catalogue]:
    """Those of all integrations."""
    return _catalogues(session, None)


def among(session: Session, integration_ids: Iterable[UUID]) -> Iterator[Catalogue]:
    """Those of such `integration_ids` as exist."""
    return _catalogues(session, list(integration_ids))


def _catalogues(session: Session, integration_ids: list[UUID] | None) -> Iterator[Catalogue]:
    about = select(
        col(Integration.id), col(Integration.check_error), col(Integration.protocol_versions), col(Integration.server)
    )
    tools = select(
        col(Tool.integration_id),
        col(Tool.name),
        col(Tool.definition),
        col(Tool.digest),
        col(Tool.state),
        col(Tool.sample_answer),
    ).order_by(col(Tool.name))
    if integration_ids is not None:
        about = about.where(col(Integration.id).in_(integration_ids))
        tools = tools.where(col(Tool.integration_id).in_(integration_ids))
    pinned: dict[UUID, dict[str, Pinned]] = {}
    unapproved: dict[UUID, int] = {}
    for integration_id, name, definition, digest, state, sample in session.execute(tools):
        if definition:
            of_it = pinned.setdefault(integration_id, {})
            is_held = state != models.APPROVED
            of_it[name] = Pinned(name, definition.encode(), digest[:VERSION_LENGTH], is_held, sample.encode())
        elif state == models.NEW:
            unapproved[integration_id] = unapproved.get(integration_id, 0) + 1
    for integration_id, error, versions, server in session.execute(about):
        yield Catalogue(
            integration_id=integration_id,
            tools=pinned.get(integration_id, {}),
            unapproved=unapproved.get(integration_id, 0),
            error=error,
            was_reached=bool(versions),
            versions=tuple(versions),
            server=server,
        )
