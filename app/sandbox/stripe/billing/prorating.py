"""From which moment a change is prorated."""

from app.sandbox.stripe import behind
from app.sandbox.stripe.billing import lines as lines_of
from app.sandbox.stripe.billing import subscribing
from app.sandbox.stripe.desk import Desk
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.store import Thing


def since(desk: Desk, subscription: Thing, wanted: int | None) -> int:
    """What a request's proration_date means; without one, now. Raises Refused outside the current period."""
    if wanted is None:
        return desk.now()
    at, items = behind.already(desk, wanted), subscribing.items_of(desk, subscription)
    prices = [subscribing.price_of(desk, item) for item in items]
    periods = [lines_of.full_period(subscription, price, desk.now()) for price in prices]
    if not min(start for start, _ in periods) <= at <= max(end for _, end in periods):
        raise Refused("Cannot specify proration date outside of current subscription period.", param="proration_date")
    return at
