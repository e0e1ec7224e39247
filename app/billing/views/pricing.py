"""What plans cost, for everybody, and what one's own guess would."""

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app.billing import estimating, forms, review
from app.organisations.guards import current
from app.plans import queries as plans
from app.plans.metrics import CALLS
from app.plans.models import MONTHLY, YEARLY
from app.web import htmx
from app.web.guards import public

bp = Blueprint("pricing", __name__, url_prefix="/pricing")


@bp.get("")
@public
def index() -> ResponseReturnValue:
    offers = plans.catalogue(current.session, at=current.now)
    currencies = tuple(sorted({currency for offer in offers for currency in offer.document.currencies}))
    currency = request.args.get("currency", "")
    if currency not in currencies:
        currency = forms.usual_currency(currencies)
    interval = YEARLY if request.args.get("interval") == YEARLY else MONTHLY
    calls = forms.whole(request.args.get("calls", ""), usual=forms.USUAL_CALLS)
    estimates = [estimating.estimate(offer, {CALLS: calls}, currency=currency, interval=interval) for offer in offers]
    return htmx.render(
        "billing/pricing.html",
        block="plans",
        estimates=estimates,
        cheapest=estimating.cheapest(estimates),
        charges={offer.plan.slug: review.charges(offer, currency) for offer in offers},
        currencies=currencies,
        currency=currency,
        interval=interval,
        has_years=any(YEARLY in offer.document.intervals for offer in offers),
        calls=calls,
    )
