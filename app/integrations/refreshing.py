"""Looking at an integration again: asked without a transaction under way, compared and written down in one."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from app.core import net, vault
from app.core.config import Settings
from app.core.errors import Invalid, PosternError, Unavailable
from app.core.net import Guard
from app.core.vault import Vault
from app.integrations import credentials, discovery, pinning, queries, telling
from app.integrations.discovery import Found
from app.integrations.models import Integration, ToolChange
from app.integrations.trail import Trail

log = logging.getLogger(__name__)

MAX_ERROR = 300


@dataclass(frozen=True, slots=True)
class Means:
    """What it takes to ask an integration."""

    guard: Guard
    vault: Vault


@dataclass(frozen=True, slots=True)
class Looked:
    """error: why it could not be looked at, in words; "" when it could. changes: what differs since the last time."""

    error: str = ""
    changes: list[ToolChange] = field(default_factory=list)


def means(settings: Settings) -> Means:
    """Those of an installation."""
    return Means(net.from_settings(settings), vault.from_settings(settings))


def refresh(
    session: Session, integration: Integration, means: Means, *, clock: Callable[[], datetime], is_thorough: bool = True
) -> Looked:
    """Ask for its tools, compare and write down. Commits before asking and leaves the last commit to the caller.

    is_thorough: try every revision anew instead of those that it spoke last time. What is approved stays approved when
    it can't be asked.
    """
    url = integration.upstream_url
    known = [] if is_thorough else list(integration.protocol_versions)
    other_tools = queries.names_elsewhere(session, integration)
    try:
        headers = credentials.headers(integration, means.vault)
        session.commit()
        found = discovery.look(
            means.guard, url, headers=headers, other_tools=other_tools, known=known, within_s=discovery.WITHIN_S
        )
    except (Invalid, Unavailable) as problem:
        return _failed(session, integration, problem, now=clock())
    return _succeeded(session, integration, found, url=url, now=clock())


def refresh_one(session: Session, integration_id: UUID, means: Means, *, clock: Callable[[], datetime]) -> None:
    """The same, and not thoroughly, for one that may have gone meanwhile. Nobody watches: people are told by mail."""
    integration = session.get(Integration, integration_id)
    if integration is not None:
        looked = refresh(session, integration, means, clock=clock, is_thorough=False)
        telling.tell(session, integration, looked.changes, now=clock())


def _succeeded(session: Session, integration: Integration, found: Found, *, url: str, now: datetime) -> Looked:
    session.refresh(integration, with_for_update=True)
    if integration.upstream_url != url:
        return Looked(error="It was moved to another address meanwhile.")
    trail = Trail(session, integration, now)
    was_reached = integration.checked_at is not None and not integration.check_error
    integration.protocol_versions, integration.server = found.versions, found.server
    integration.checked_at, integration.check_error = now, ""
    session.add(integration)
    session.flush()
    written = pinning.record(trail, found.tools)
    if not was_reached:
        trail.tell_gateways()
    return Looked(changes=written)


def _failed(session: Session, integration: Integration, problem: PosternError, *, now: datetime) -> Looked:
    session.refresh(integration, with_for_update=True)
    error = problem.message[:MAX_ERROR]
    if integration.check_error != error:
        log.warning("integration.unreadable", extra={"integration": integration.slug, "why": error})
        Trail(session, integration, now).tell_gateways()
    integration.checked_at, integration.check_error = now, error
    session.add(integration)
    session.flush()
    return Looked(error=error)
