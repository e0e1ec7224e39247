"""An audit log to look into: `tell` writes an entry, a minute after the one before."""

from datetime import timedelta
from itertools import count

import pytest

from app.core import audit
from app.core.audit import Origin


@pytest.fixture
def tell(session, now):
    """Writes down that somebody did something in an organisation; gives nothing."""
    minutes = count()

    def go(organisation, action, person=None, *, origin=None, subject_id=None, at=None, **details):
        audit.set_origin(
            origin or (Origin("person", person.name, person.id, None, "192.0.2.7", "curl/8") if person else None)
        )
        audit.record(
            session,
            action=action,
            now=at or now + timedelta(minutes=next(minutes)),
            organisation_id=organisation.id if organisation else None,
            person_id=person.id if person else None,
            subject_id=subject_id,
            details=details,
        )
        audit.set_origin(None)
        session.flush()

    return go
