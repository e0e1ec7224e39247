"""What the pages of paying share: their blueprint, and the desk at which the organisation pays."""

from flask import Blueprint
from sqlmodel import Session

from app.billing import customers
from app.billing.catalogue import Catalogue
from app.billing.desk import Desk
from app.billing.models import BillingAccount
from app.billing.stripe_api import StripeApi
from app.organisations.guards import current
from app.plans.queries import Standing
from app.web import database

bp = Blueprint("billing", __name__, url_prefix="/billing")

TONES = {"paid": "ok", "open": "warn", "draft": "neutral", "void": "neutral", "uncollectible": "danger"}
"""How badges show the states of invoices."""


def desk() -> Desk:
    """Where the organisation pays, as services know it."""
    return Desk(
        session=current.session,
        engine=database.engine(),
        organisation=current.organisation,
        settings=current.settings,
        person_id=current.person.id,
        email=current.billing_email,
        now=current.now,
    )


def stripe() -> tuple[StripeApi, Catalogue]:
    """As Desk.stripe."""
    return desk().stripe()


def standing() -> Standing:
    """As Desk.standing."""
    return desk().standing()


def account(session: Session) -> BillingAccount | None:
    """The organisation as a payer, if it ever was one."""
    return customers.account_of(session, current.organisation.id, current.settings.stripe_mode)
