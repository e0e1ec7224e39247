"""Making the database say what a settings file says: compared first, so that it can be shown before it is done."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session

from app.core.errors import NotFound
from app.core.vault import CannotOpen, Vault
from app.integrations import approvals, credentials, models, queries, services
from app.integrations.declarations import Declaration
from app.integrations.models import Integration, Tool
from app.integrations.trail import Trail


@dataclass(frozen=True, slots=True)
class Difference:
    """Between the file and the database, for one integration. fields: (column, is, shall be)."""

    slug: str
    is_new: bool
    fields: list[tuple[str, Any, Any]] = field(default_factory=list)
    sets_credential: bool = False

    def __bool__(self) -> bool:
        return self.is_new or bool(self.fields) or self.sets_credential


def compare(session: Session, slug: str, declared: Declaration, vault: Vault) -> Difference:
    """What would have to be done. Raises Invalid for a credential that cannot be read."""
    value = declared.credential.value().strip() if declared.credential is not None else ""
    try:
        known = queries.by_slug(session, slug)
    except NotFound:
        fields = [(name, "", shall) for name, shall in declared.fields_of(slug).items()]
        return Difference(slug, True, fields, bool(value))
    fields = [
        (name, getattr(known, name), shall)
        for name, shall in declared.fields_of(slug).items()
        if getattr(known, name) != shall
    ]
    wanted = {declared.credential.header.lower(): value} if declared.credential is not None else {}
    return Difference(slug, False, fields, bool(wanted) and _held(known, vault) != wanted)


def carry_out(
    session: Session, difference: Difference, declared: Declaration, vault: Vault, *, now: datetime
) -> Integration:
    """Do it. Raises Invalid for what cannot be meant."""
    shall = {name: value for name, _, value in difference.fields}
    if difference.is_new:
        is_enabled = shall.pop("is_enabled")
        integration = services.add(session, slug=difference.slug, **shall, now=now)
        if not is_enabled:
            services.set_enabled(session, integration=integration, is_enabled=False, now=now)
    else:
        integration = queries.by_slug(session, difference.slug)
        services.change(session, integration=integration, fields=shall, now=now)
    if difference.sets_credential and declared.credential is not None:
        credentials.put(
            session,
            integration=integration,
            header=declared.credential.header,
            value=declared.credential.value(),
            vault=vault,
            now=now,
        )
    return integration


def approve(session: Session, integration: Integration, declared: Declaration, *, now: datetime) -> list[Tool]:
    """Approve such tools as wait and are declared; gives these. What changed after its approval waits for a person."""
    named = declared.tools if isinstance(declared.tools, list) else []
    waiting = [tool for tool in queries.tools_of(session, integration) if tool.state == models.NEW]
    wanted = [tool for tool in waiting if tool.name in named or (declared.tools == "all" and not tool.findings)]
    return approvals.approve(Trail(session, integration, now), wanted)


def _held(integration: Integration, vault: Vault) -> dict[str, str]:
    try:
        return credentials.headers(integration, vault)
    except CannotOpen:
        return {}
