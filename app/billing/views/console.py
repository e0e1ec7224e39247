"""What the pages of paying share: their blueprint, and the way to Stripe from within a request."""

from flask import Blueprint
from sqlmodel import Session

from app.billing import customers, modes, stripe_api
from app.billing.catalogue import Catalogue
from app.billing.models import BillingAccount
from app.billing.stripe_api import StripeApi
from app.core import clock
from app.core.errors import NotFound
from app.organisations.guards import current
from app.plans import queries as plans
from app.plans.queries import Standing
from app.web import database

bp = Blueprint("billing", __name__, url_prefix="/billing")

TONES = {"paid": "ok", "open": "warn", "draft": "neutral", "void": "neutral", "uncollectible": "danger"}
"""How badges show the states of invoices."""


def stripe() -> tuple[StripeApi, Catalogue]:
    """The way to Stripe. What was read or written so far is committed first: nothing stays open while it is asked.

    Raises NoStripe where payments are not set up, Conflict where subscriptions are of the key's other mode.
    """
    api = stripe_api.from_settings(current.settings)
    modes.check(current.session, api.mode)
    current.session.commit()
    return api, Catalogue(database.engine(), api, clock=clock.now)


def standing() -> Standing:
    """What the organisation is on. Raises NotFound before there are any plans."""
    found = plans.standing(current.session, current.organisation.id, at=current.now)
    if found is None:
        raise NotFound("There are no plans here yet. Whoever runs this gateway has to publish some first.")
    return found


def account(session: Session) -> BillingAccount | None:
    """The organisation as a payer, if it ever was one."""
    return customers.account_of(session, current.organisation.id, current.settings.stripe_mode)
