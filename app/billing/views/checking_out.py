"""Leaving for Stripe's Checkout, whatever is bought there.

What else could still be paid is closed first, so that nobody pays twice.
"""

from collections.abc import Callable
from dataclasses import dataclass

from flask import flash, url_for
from flask.typing import ResponseReturnValue

from app.billing import checkout, subscribing, subscriptions
from app.billing.catalogue import Catalogue
from app.billing.checkout import Ways
from app.billing.models import Checkout
from app.billing.stripe_api import Found, StripeApi
from app.billing.subscribing import Asked, Payer
from app.billing.views.console import account, stripe
from app.organisations.guards import current
from app.web import htmx

Ask = Callable[[StripeApi, Catalogue, Payer, Ways], Asked]


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """For somebody who has paid in another window meanwhile: what to say, and the page (an endpoint) to say it on."""

    words: str
    endpoint: str


def check_out(visit: Checkout, *, ask: Ask, cancel_path: str, elsewhere: Elsewhere) -> ResponseReturnValue:
    """To the visit's session, which `ask` makes. cancel_path: where those go who do not pay."""
    session = current.session
    if visit.url:
        return htmx.leave(visit.url)
    payer = account(session)
    others = checkout.open_visits(session, current.organisation.id, kind=visit.kind)
    api, catalogue = stripe()
    closed = subscribing.close_others(api, others, visit.id)
    if any(checkout.is_settled(visit.kind, found) for found in closed):
        return _paid_elsewhere(api, closed, elsewhere)
    who = Payer(current.organisation, payer.customer_id if payer is not None else "", current.billing_email)
    base = current.settings.portal_url.rstrip("/")
    ways = Ways(base + url_for("billing.come_back"), base + cancel_path, current.settings.stripe_tax)
    asked = ask(api, catalogue, who, ways)
    for found in closed:
        checkout.apply(session, found, current.now)
    subscribing.keep_asked(session, visit, who, asked, now=current.now)
    return htmx.leave(visit.url)


def _paid_elsewhere(api: StripeApi, closed: list[Found], elsewhere: Elsewhere) -> ResponseReturnValue:
    for one in closed:
        found = subscriptions.fetch_of_checkout(api, str(one["id"]))
        subscriptions.apply_of_checkout(current.session, found, current.now)
        current.session.commit()
    flash(elsewhere.words)
    return htmx.redirect(url_for(elsewhere.endpoint))
