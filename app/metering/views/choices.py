"""What the filter of usage pages offers."""

from sqlmodel import Session

from app.integrations import queries as integrations
from app.keys import queries as keys
from app.metering import naming, selection
from app.organisations.models import Organisation

CHOICES = 200
"""Of keys and members; others are reached from where they are shown."""


def of_organisation(session: Session, organisation: Organisation) -> dict[str, list[tuple[str, str]]]:
    """Name of a filter to its (value, label); tools and error classes are typed in: there may be thousands."""
    stays = {stay.slug for stay in selection.stays_of(session, organisation)}
    found = naming.names_of(session, organisation, selection.PLAN, [(slug,) for slug in sorted(stays)])
    return {
        selection.INTEGRATION: [(one.slug, one.slug) for one in integrations.every(session)],
        selection.KEY: [(str(key_id), name) for key_id, name in keys.names_of(session, organisation, limit=CHOICES)],
        selection.MEMBER: [
            *((one.value, one.label) for one in naming.members_of(session, organisation, limit=CHOICES)),
            (selection.SERVICE, "Services"),
        ],
        selection.ENVIRONMENT: list(naming.ENVIRONMENTS.items()),
        selection.STATUS: [
            (selection.FAILED, "Failed, in whatever way"),
            *((value, label) for value, label in naming.STATUSES.items() if value),
        ],
        selection.PLAN: [(one.value, one.label) for one in found.values()],
    }
