"""What a person reads on the pages of paying when Stripe refuses what they asked for."""

from flask import flash, make_response, request, url_for
from flask.typing import ResponseReturnValue

from app.billing.problems import StripeRefused
from app.billing.views.console import bp
from app.organisations.guards import current
from app.web import htmx


@bp.errorhandler(StripeRefused)
def refused(problem: StripeRefused) -> ResponseReturnValue:
    """In our words, with Stripe's as the detail, and the way back; nothing that was asked for was kept."""
    if htmx.wants_fragment():
        flash(f"Stripe did not accept this, and nothing was charged. Stripe says: “{problem.message}”", "error")
        return htmx.keep(422)
    is_credit = request.endpoint is not None and request.endpoint.startswith("billing.top_up")
    label, page = ("Back to your credit", "billing.wallet") if is_credit else ("Back to your plan", "billing.plan")
    shown = htmx.render(
        "billing/refused.html",
        status=422,
        said=problem.message,
        back=(label, url_for(page)),
        reference=current.request_id,
    )
    return make_response(shown)
