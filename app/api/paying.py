"""What operations that have to do with money share: the desk at which the organisation pays."""

from app.api.guards import current
from app.billing import watching
from app.billing.desk import Desk
from app.organisations import queries as organisations
from app.plans import queries as plans
from app.web import database


def currency() -> str:
    """What the organisation pays in."""
    standing = plans.standing(current.session, current.organisation.id, at=current.now)
    return watching.currency_of(standing, usual=current.settings.currency)


def desk() -> Desk:
    """For services. A program has no address of its own: bills go where the organisation says, or to an owner."""
    session, organisation = current.session, current.organisation
    owners = organisations.addresses_with(session, organisation.id, "organisation:delete")
    return Desk(
        session=session,
        engine=database.engine(),
        organisation=organisation,
        settings=current.settings,
        person_id=None,
        email=organisation.billing_email or next(iter(owners), ""),
        now=current.now,
    )
