"""Adding integrations, and switching them on and off."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlmodel import Session, select

from app.core import audit, changes
from app.core.errors import Conflict, Invalid
from app.integrations.models import Installation, Integration
from app.organisations.models import Organisation

_SLUG = re.compile(r"[a-z][a-z0-9-]{0,38}[a-z0-9]")


def add(
    session: Session,
    *,
    slug: str,
    name: str,
    summary: str,
    upstream_url: str,
    now: datetime,
    example_tool: str = "",
    example_arguments: str = "{}",
    is_open: bool = True,
) -> Integration:
    """Put an MCP server behind the gateway at /mcp/{slug}; gateways know it within a second of the commit.

    Raises Invalid for a bad slug, address or example, Conflict when the slug is taken.
    """
    if _SLUG.fullmatch(slug) is None:
        raise Invalid("A slug is 2 to 40 small letters, digits and hyphens, and starts with a letter.")
    if not _is_object(example_arguments):
        raise Invalid('The arguments of the example must be a JSON object, such as {"name": "world"}.')
    if session.exec(select(Integration).where(Integration.slug == slug)).first() is not None:
        raise Conflict(f"There is already an integration called “{slug}”.")
    integration = Integration(
        slug=slug,
        name=name,
        summary=summary,
        upstream_url=_checked(upstream_url),
        example_tool=example_tool,
        example_arguments=example_arguments,
        created_at=now,
        is_open=is_open,
    )
    session.add(integration)
    session.flush()
    _tell(session, integration=integration, action="integration.added", now=now)
    return integration


def move(session: Session, *, integration: Integration, upstream_url: str, now: datetime) -> None:
    """Send its calls to another address from now on. Raises Invalid for a bad address."""
    integration.upstream_url = _checked(upstream_url)
    session.add(integration)
    _tell(session, integration=integration, action="integration.moved", now=now)


def change(session: Session, *, integration: Integration, fields: Mapping[str, Any], now: datetime) -> None:
    """Give it these values, by column. Raises Invalid for a bad address or example."""
    if not fields:
        return
    if not _is_object(fields.get("example_arguments", "{}")):
        raise Invalid('The arguments of the example must be a JSON object, such as {"name": "world"}.')
    if "upstream_url" in fields:
        _checked(fields["upstream_url"])
    for name, value in fields.items():
        setattr(integration, name, value)
    session.add(integration)
    _tell(session, integration=integration, action="integration.changed", now=now)


def set_enabled(session: Session, *, integration: Integration, is_enabled: bool, now: datetime) -> None:
    """Switch it on or off. Raises Conflict if it already is."""
    if integration.is_enabled == is_enabled:
        raise Conflict(f"“{integration.slug}” is already {'on' if is_enabled else 'off'}.")
    integration.is_enabled = is_enabled
    session.add(integration)
    _tell(
        session,
        integration=integration,
        action="integration.enabled" if is_enabled else "integration.disabled",
        now=now,
    )


def set_open(session: Session, *, integration: Integration, is_open: bool, now: datetime) -> None:
    """Let every organisation use it, or only those that installed it."""
    integration.is_open = is_open
    session.add(integration)
    _tell(session, integration=integration, action="integration.opened" if is_open else "integration.closed", now=now)


def install(
    session: Session, *, integration: Integration, organisation: Organisation, now: datetime, person_id: UUID | None
) -> None:
    """The organisation uses it from now on. Raises Conflict if it does already."""
    if session.get(Installation, (organisation.id, integration.id)) is not None:
        raise Conflict(f"{organisation.name} has installed “{integration.slug}” already.")
    session.add(Installation(organisation_id=organisation.id, integration_id=integration.id, installed_at=now))
    _tell_organisation(
        session,
        integration=integration,
        organisation=organisation,
        action="integration.installed",
        now=now,
        person_id=person_id,
    )


def uninstall(
    session: Session, *, integration: Integration, organisation: Organisation, now: datetime, person_id: UUID | None
) -> None:
    """It uses it no more; if it is not open to all, calls are refused. Raises Conflict if it did not."""
    installation = session.get(Installation, (organisation.id, integration.id))
    if installation is None:
        raise Conflict(f"{organisation.name} has not installed “{integration.slug}”.")
    session.delete(installation)
    _tell_organisation(
        session,
        integration=integration,
        organisation=organisation,
        action="integration.uninstalled",
        now=now,
        person_id=person_id,
    )


def _tell_organisation(
    session: Session,
    *,
    integration: Integration,
    organisation: Organisation,
    action: str,
    now: datetime,
    person_id: UUID | None,
) -> None:
    session.flush()
    changes.record(session, kind="installation", subject_id=organisation.id, now=now)
    audit.record(
        session,
        action=action,
        now=now,
        organisation_id=organisation.id,
        person_id=person_id,
        subject_id=integration.id,
        details={"slug": integration.slug},
    )


def _checked(upstream_url: str) -> str:
    try:
        parts = urlsplit(upstream_url)
        is_fine = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username and parts.port != 0
    except ValueError:
        is_fine = False
    if not is_fine or not upstream_url.isascii() or any(c.isspace() for c in upstream_url) or "#" in upstream_url:
        raise Invalid("An upstream address looks like https://host[:port]/path, without user, password or fragment.")
    return upstream_url


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _tell(session: Session, *, integration: Integration, action: str, now: datetime) -> None:
    changes.record(session, kind="integration", subject_id=integration.id, now=now)
    audit.record(session, action=action, now=now, subject_id=integration.id, details={"slug": integration.slug})
