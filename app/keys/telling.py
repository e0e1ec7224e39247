"""What every change of a key tells: the gateways at once, and the audit trail for good."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from app.core import audit, changes
from app.keys.models import Key


def tell(
    session: Session,
    *,
    key: Key,
    action: str,
    person_id: UUID | None,
    now: datetime,
    details: dict[str, str] | None = None,
    to_gateways: bool = True,
) -> None:
    """Keep `key`, and what was done to it. to_gateways: whether it is anything that they go by."""
    session.add(key)
    if to_gateways:
        changes.record(session, kind="key", subject_id=key.id, now=now)
    audit.record(
        session,
        action=action,
        now=now,
        organisation_id=key.organisation_id,
        person_id=person_id,
        subject_id=key.id,
        details={"name": key.name, "key": key.hint, **(details or {})},
    )
    session.flush()
