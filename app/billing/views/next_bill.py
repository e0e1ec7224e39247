"""The next invoice, before it is made: fetched from Stripe, so it is a part of its own that the page asks for."""

from flask.typing import ResponseReturnValue

from app.billing import next_bill
from app.billing.review import is_at_stripe
from app.billing.views.console import account, bp, standing, stripe
from app.organisations.guards import current, member
from app.web import htmx


@bp.get("/next")
@member("billing:read")
def upcoming() -> ResponseReturnValue:
    """Whole, and as the part of the billing page that htmx puts there once it is shown."""
    held, bill = standing(), None
    payer = account(current.session)
    if held.subscription is not None and payer is not None and is_at_stripe(held):
        api, _ = stripe()
        bill = next_bill.fetch(current.session, api, payer, held.subscription.stripe_id, now=current.now)
    return htmx.render("billing/next.html", block="bill", bill=bill, standing=held)
