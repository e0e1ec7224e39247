"""The way to Stripe's Checkout, whatever is bought there.

What else could still be paid is closed first, so that nobody pays twice.
"""

from collections.abc import Callable

from app.billing import checkout, subscribing, subscriptions
from app.billing.catalogue import Catalogue
from app.billing.checkout import Ways
from app.billing.desk import Desk
from app.billing.models import Checkout
from app.billing.stripe_api import Found, StripeApi
from app.billing.subscribing import Asked, Payer

Ask = Callable[[StripeApi, Catalogue, Payer, Ways], Asked]
BACK = "/billing/return"
"""The page that Checkout leads back to."""


def address_of(desk: Desk, visit: Checkout, *, ask: Ask, cancel_path: str) -> str | None:
    """Where to pay; None where it was paid for in another visit meanwhile, which holds now.

    ask: makes the visit's session. cancel_path: where those go who do not pay. Asks Stripe.
    """
    if visit.url:
        return visit.url
    payer = desk.account()
    others = checkout.open_visits(desk.session, desk.organisation.id, kind=visit.kind)
    api, catalogue = desk.stripe()
    closed = subscribing.close_others(api, others, visit.id)
    if any(checkout.is_settled(visit.kind, found) for found in closed):
        _apply(desk, api, closed)
        return None
    who = Payer(desk.organisation, payer.customer_id if payer is not None else "", desk.email)
    base = desk.settings.portal_url.rstrip("/")
    asked = ask(api, catalogue, who, Ways(base + BACK, base + cancel_path, desk.settings.stripe_tax))
    for found in closed:
        checkout.apply(desk.session, found, desk.now)
    subscribing.keep_asked(desk.session, visit, who, asked, now=desk.now)
    return visit.url


def _apply(desk: Desk, api: StripeApi, closed: list[Found]) -> None:
    for one in closed:
        found = subscriptions.fetch_of_checkout(api, str(one["id"]))
        subscriptions.apply_of_checkout(desk.session, found, desk.now)
        desk.session.commit()
