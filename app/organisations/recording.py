"""Writing down what was changed about an organisation itself."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from app.core import audit
from app.organisations.models import Organisation


def record(
    session: Session,
    organisation: Organisation,
    action: str,
    details: Mapping[str, str],
    *,
    person_id: UUID | None = None,
    now: datetime,
) -> None:
    """Into its own trail, as the thing that the entry is about; what was changed is flushed with it."""
    session.add(organisation)
    audit.record(
        session,
        action=action,
        now=now,
        organisation_id=organisation.id,
        person_id=person_id,
        subject_id=organisation.id,
        details=dict(details),
    )
    session.flush()
