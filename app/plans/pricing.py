"""Setting prices. A price is never changed: a new version follows it."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlmodel import Session

from app.core import audit, changes
from app.core.errors import Conflict, Invalid
from app.integrations import queries as integrations
from app.integrations.models import Integration
from app.plans import amounts, queries, rating
from app.plans.models import PriceVersion

TOOL_LENGTH = 128


def set_price(
    session: Session,
    *,
    integration: Integration,
    tool: str,
    nanos_per_unit: int,
    currency: str,
    effective_at: datetime | None = None,
    person_id: UUID | None = None,
    now: datetime,
) -> PriceVersion:
    """From effective_at on (now if left out), each call of `tool` costs so much; "" is for those without their own.

    Raises Invalid for a tool, amount, currency or moment that cannot be meant, Conflict if that very moment is taken.
    """
    _check(tool=tool, nanos_per_unit=nanos_per_unit, currency=currency, effective_at=effective_at, now=now)
    if tool:
        integrations.check_tool(session, integration, tool)
    begins_at = effective_at or now
    if any(version.effective_at == begins_at for version in queries.versions_of(session, integration, tool=tool)):
        raise Conflict("There is a price from that very moment already; prices are never changed, only followed.")
    version = PriceVersion(
        id=uuid4(),
        integration_id=integration.id,
        tool=tool,
        currency=currency,
        nanos_per_unit=nanos_per_unit,
        scheme=rating.as_json(rating.Scheme(nanos=nanos_per_unit)),
        digest="",
        effective_at=begins_at,
        created_at=now,
    )
    version.digest = digest_of(version)
    session.add(version)
    session.flush()
    changes.record(session, kind="price", subject_id=integration.id, now=now)
    audit.record(
        session,
        action="price.set",
        now=now,
        person_id=person_id,
        subject_id=version.id,
        details={
            "integration": integration.slug,
            "tool": tool,
            "amount": amounts.recorded(nanos_per_unit, currency=currency),
            "from": begins_at.isoformat(timespec="seconds"),
        },
    )
    return version


def digest_of(version: PriceVersion) -> str:
    """SHA-256 (hex) of the version in canonical JSON: sorted keys, no blanks; changes with any part of it.

    What only some versions have is left out of others, so that theirs is what it was before there were plans.
    """
    return hashlib.sha256(json.dumps(said_of(version), sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def said_of(version: PriceVersion) -> dict[str, Any]:
    """What the digest is made of: everything that the version says."""
    said = {
        "id": str(version.id),
        "integration": str(version.integration_id) if version.integration_id is not None else None,
        "tool": version.tool,
        "currency": version.currency,
        "nanos_per_unit": version.nanos_per_unit,
        "scheme": version.scheme,
        "effective_at": version.effective_at.astimezone(UTC).isoformat(timespec="microseconds"),
    }
    if version.plan_version_id is not None or version.charge:
        said |= {"plan_version": str(version.plan_version_id), "charge": version.charge}
    if version.components or version.max_per_call:
        said |= {"components": version.components, "max_per_call": version.max_per_call}
    return said


def _check(*, tool: str, nanos_per_unit: int, currency: str, effective_at: datetime | None, now: datetime) -> None:
    if not 0 <= nanos_per_unit <= amounts.LARGEST_NANOS:
        raise Invalid("A price is zero or more.")
    if currency not in amounts.EXPONENTS:
        raise Invalid(f"Choose one of these currencies: {', '.join(sorted(amounts.EXPONENTS))}.")
    if len(tool) > TOOL_LENGTH:
        raise Invalid(f"A tool's name has at most {TOOL_LENGTH} characters.")
    if effective_at is not None and effective_at < now:
        raise Invalid("A price cannot begin in the past: calls were made at another.")
