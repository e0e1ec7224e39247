"""What plans cost, for everybody, and what one's own guess would."""

from collections.abc import Mapping

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app.billing import crossings, estimating, forms, review
from app.core.errors import Invalid
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
    typed = {metric: request.args.get(metric, "") for metric in guessable}
    guess, wrong = _guess(typed)
    estimates = [estimating.estimate(offer, guess, currency=currency, interval=interval) for offer in offers]
    return htmx.render(
        "billing/pricing.html",
        block="plans",
        status=422 if wrong else 200,
        wrong=wrong,
        estimates=estimates,
        cheapest=estimating.cheapest(estimates),
        charges={offer.plan.slug: review.charges(offer, currency) for offer in offers},
        currencies=currencies,
        currency=currency,
        interval=interval,
        has_years=any(YEARLY in offer.document.intervals for offer in offers),
        calls=guess[CALLS],
        typed_calls=typed[CALLS] if CALLS in wrong else f"{guess[CALLS]:,}",
        dearest=max([one.total for one in estimates if one.is_enough], default=0),
        reaches=crossings.reaches(offers, guess, currency=currency, interval=interval),
        place=crossings.percent(guess[CALLS]),
        tones={offer.plan.slug: number % TONES + 1 for number, offer in enumerate(offers)},
        others=[
            (metric, WORDS[metric], typed[metric] if metric in wrong else f"{guess[metric] // SCALES[metric]:,}")
            for metric in guessable
            if metric != CALLS
        ],
    )


def _guess(typed: Mapping[str, str]) -> tuple[dict[str, int], dict[str, str]]:
    """Each in its metric's own unit, as usual for what was not said or cannot be meant; and words for the latter."""
    found, wrong = {}, {}
    for metric, text in typed.items():
        found[metric] = forms.USUAL_CALLS if metric == CALLS else 0
        if not text and (metric != CALLS or metric not in request.args):
            continue
        try:
            found[metric] = forms.whole(text) * SCALES.get(metric, 1)
        except Invalid as problem:
            wrong[metric] = f"{WORDS.get(metric, 'Calls')} a month: {problem.message}"
    return found, wrong
