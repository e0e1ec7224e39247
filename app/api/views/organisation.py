"""The organisation itself: what it is called, and where its bills go. Leaving and deleting it stay with people."""

from app.api.endpoints import endpoint
from app.api.guards import current
from app.api.schemas import OrganisationChanged, OrganisationTold
from app.billing import customers
from app.core.errors import Conflict
from app.organisations import settings
from app.team import seating


@endpoint("GET", "/organisation", "organisation:read", "The organisation", answer=OrganisationTold)
def get_organisation() -> OrganisationTold:
    return _told()


@endpoint(
    "PATCH", "/organisation", "organisation:write", "Change the organisation’s settings",
    body=OrganisationChanged, answer=OrganisationTold,
)  # fmt: skip
def change_organisation(body: OrganisationChanged) -> OrganisationTold:
    if body.billing_email is not None and _payer_email() is not None:
        raise Conflict("Invoices go where its customer at Stripe says. Change the address in the customer portal.")
    changes = (
        (settings.rename, body.name),
        (settings.change_slug, body.slug),
        (settings.change_billing_email, body.billing_email),
    )
    for change, to in changes:
        if to is not None:
            change(current.session, organisation=current.organisation, to=to, person_id=None, now=current.now)
    return _told()


def _told() -> OrganisationTold:
    organisation, payer = current.organisation, _payer_email()
    seats = seating.of(current.session, organisation, now=current.now)
    return OrganisationTold(
        id=organisation.id,
        slug=organisation.slug,
        name=organisation.name,
        is_personal=organisation.is_personal,
        billing_email=organisation.billing_email if payer is None else payer,
        members=seats.taken,
        seats=seats.most,
        closes_at=organisation.closes_at,
        created_at=organisation.created_at,
        stopped_at=organisation.stopped_at,
        stopped_why=organisation.stopped_why,
    )


def _payer_email() -> str | None:
    """Where bills go, as its customer at Stripe says; None before there is one."""
    payer = customers.account_of(current.session, current.organisation.id, current.settings.stripe_mode)
    return payer.email if payer is not None else None
