"""What plans cost, for everybody, and what one's own guess would."""

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app.billing import crossings, estimating, forms, review
from app.organisations.guards import current
from app.plans import queries as plans
from app.plans.metrics import BYTES, CALLS, MILLISECONDS, TOKENS_IN, TOKENS_OUT
from app.plans.models import MONTHLY, YEARLY
from app.web import htmx
from app.web.guards import public

TONES = 5
SCALES = {TOKENS_IN: 1000, TOKENS_OUT: 1000, BYTES: 1_000_000, MILLISECONDS: 1000}
WORDS = {
    TOKENS_IN: "Thousand tokens in",
    TOKENS_OUT: "Thousand tokens out",
    BYTES: "Megabytes",
    MILLISECONDS: "Seconds",
}
"""What is guessed of each metric, a month, and how many of its units that is."""

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
    guessable = estimating.guessable([offer.document for offer in offers])
    guess = {metric: _guess(metric) for metric in guessable}
    estimates = [estimating.estimate(offer, guess, currency=currency, interval=interval) for offer in offers]
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
        calls=guess[CALLS],
        dearest=max([one.total for one in estimates if one.is_enough], default=0),
        reaches=crossings.reaches(offers, guess, currency=currency, interval=interval),
        place=crossings.percent(guess[CALLS]),
        tones={offer.plan.slug: number % TONES + 1 for number, offer in enumerate(offers)},
        others=[
            (metric, WORDS[metric], guess[metric] // SCALES.get(metric, 1)) for metric in guessable if metric != CALLS
        ],
    )


def _guess(metric: str) -> int:
    """In the metric's own unit."""
    usual = forms.USUAL_CALLS if metric == CALLS else 0
    return forms.whole(request.args.get(metric, ""), usual=usual) * SCALES.get(metric, 1)
