"""Where Stripe tells us what happened. Stored and answered; the worker does the rest."""

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app.billing import events
from app.billing.problems import NoStripe
from app.core.errors import Invalid
from app.organisations.guards import current
from app.web.guards import public

bp = Blueprint("stripe_webhook", __name__, url_prefix="/stripe")


@bp.post("/webhook")
@public
def receive() -> ResponseReturnValue:
    secret = current.settings.stripe_webhook_secret.get_secret_value()
    if not secret:
        raise NoStripe("Webhooks are not set up here: POSTERN_STRIPE_WEBHOOK_SECRET is missing.")
    signature = request.headers.get("Stripe-Signature")
    try:
        events.take_in(current.session, request.get_data(), signature=signature, secret=secret, now=current.now)
    except Invalid as problem:
        return {"error": problem.message}, 400
    return {"received": True}
