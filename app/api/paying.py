"""What operations that have to do with money share."""

from app.api.guards import current
from app.billing import watching
from app.plans import queries as plans


def currency() -> str:
    """What the organisation pays in."""
    standing = plans.standing(current.session, current.organisation.id, at=current.now)
    return watching.currency_of(standing, usual=current.settings.currency)
