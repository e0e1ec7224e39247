"""By what the gateway itself is let in by an integration: one header, its value sealed. Callers' own never travel."""

import re
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from app.core import audit, changes
from app.core.errors import Invalid
from app.core.vault import Vault
from app.integrations.models import Integration

MAX_VALUE = 8_000
_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,80}")
_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_OURS = re.compile(
    r"accept|accept-encoding|connection|content-.*|cookie|expect|host|keep-alive|last-event-id|mcp-.*|origin|postern-.*|"
    r"te|trailer|traceparent|tracestate|transfer-encoding|upgrade|user-agent|x-request-id"
)
"""Headers that already mean something between gateway and integration."""


def place(integration_id: UUID) -> str:
    """Where its credential belongs, for the vault."""
    return f"integration.credential:{integration_id}"


def put(session: Session, *, integration: Integration, header: str, value: str, vault: Vault, now: datetime) -> None:
    """Send `header: value` with every request to it from now on. Raises Invalid; never repeats the value."""
    header, value = header.strip().lower(), value.strip()
    if _NAME.fullmatch(header) is None or _OURS.fullmatch(header) is not None:
        raise Invalid(f"“{header[:80]}” can't carry a credential. Most servers want authorization or x-api-key.")
    if _VALUE.fullmatch(value) is None or len(value) > MAX_VALUE:
        raise Invalid(f"A credential is one line of at most {MAX_VALUE:,} letters, digits and signs of ASCII.")
    integration.credential_header = header
    integration.credential_sealed = vault.seal(value, place=place(integration.id))
    _tell(session, integration, "integration.credential_set", now)


def clear(session: Session, *, integration: Integration, now: datetime) -> None:
    """Send none any more."""
    integration.credential_header = integration.credential_sealed = ""
    _tell(session, integration, "integration.credential_cleared", now)


def headers(integration: Integration, vault: Vault) -> dict[str, str]:
    """What to send along, {} for nothing. Raises vault.CannotOpen."""
    if not integration.credential_header:
        return {}
    return {integration.credential_header: vault.open(integration.credential_sealed, place=place(integration.id))}


def line(integration_id: UUID, header: str, sealed: str, vault: Vault) -> bytes:
    """The same as a line of HTTP, without its end; empty for nothing. Raises vault.CannotOpen."""
    if not header:
        return b""
    return f"{header}: {vault.open(sealed, place=place(integration_id))}".encode("ascii")


def reseal(session: Session, vault: Vault) -> int:
    """Seal all anew with the vault's first key; gives how many. Raises vault.CannotOpen."""
    held = list(session.exec(select(Integration).where(col(Integration.credential_sealed) != "")))
    for integration in held:
        integration.credential_sealed = vault.reseal(integration.credential_sealed, place=place(integration.id))
        session.add(integration)
    session.flush()
    return len(held)


def _tell(session: Session, integration: Integration, action: str, now: datetime) -> None:
    session.add(integration)
    changes.record(session, kind="integration", subject_id=integration.id, now=now)
    details = {"slug": integration.slug, "header": integration.credential_header}
    audit.record(session, action=action, now=now, subject_id=integration.id, details=details)
