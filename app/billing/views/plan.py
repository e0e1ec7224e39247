"""The plan: what one is on, what others cost, staying and leaving."""

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue

from app.billing import agreeing, customers, forms, review, staying, subscriptions
from app.billing.problems import Declined
from app.billing.views import wallet
from app.billing.views.console import account, bp, desk, standing, stripe
from app.core import moments
from app.core.errors import Conflict
from app.organisations.guards import current, member
from app.plans import queries as plans
from app.plans import seats
from app.plans.models import ACTIVE
from app.plans.queries import Standing
from app.plans.services import REASON_LENGTH
from app.web import htmx


@bp.get("/plan")
@member("billing:read")
def plan() -> ResponseReturnValue:
    held = standing()
    offers = agreeing.offered(desk(), held)
    asked = {name: request.args[name] for name in ("currency", "interval") if name in request.args}
    choices = [forms.choice(asked, offer, held) for offer in offers]
    following = None
    if held.subscription is not None and held.subscription.next_plan_version_id is not None:
        following = plans.offer_of(current.session, held.subscription.next_plan_version_id)
    return htmx.render(
        "billing/plan.html",
        standing=held,
        rows=review.rows(held, choices),
        following=following,
        members=seats.members(current.session, current.organisation),
        seat_minor=_seat_minor(held),
        visit=forms.new_visit(),
    )


@bp.get("/cancel")
@member("billing:read")
def ask_to_cancel() -> ResponseReturnValue:
    held = standing()
    return htmx.render(
        "billing/cancel.html",
        standing=held,
        ends_at=staying.ends_at(staying.subscription_of(held), now=current.now),
        visit=forms.new_visit(),
        usual=plans.default(current.session, at=current.now),
        longest=REASON_LENGTH,
        members=seats.members(current.session, current.organisation),
    )


@bp.post("/cancel")
@member("billing:write")
def cancel() -> ResponseReturnValue:
    held, visit = standing(), forms.visit(request.form)
    ends_at = staying.cancel(desk(), visit=visit, reason=request.form.get("reason", "").strip()[:REASON_LENGTH])
    flash(f"“{held.offer.document.name}” ends on {moments.day(ends_at)}. Until then nothing changes.")
    return htmx.redirect(url_for("billing.plan"))


@bp.post("/resume")
@member("billing:write")
def resume() -> ResponseReturnValue:
    held = standing()
    staying.resume(desk(), visit=forms.visit(request.form))
    flash(f"You stay on “{held.offer.document.name}”.")
    return htmx.redirect(url_for("billing.plan"))


@bp.post("/unpause")
@member("billing:write")
def unpause() -> ResponseReturnValue:
    name = standing().offer.document.name
    try:
        held = staying.unpause(desk(), visit=forms.visit(request.form))
    except Declined as problem:
        flash(f"{problem.message} “{name}” stays paused. Give another card, and try again.", "error")
        return htmx.redirect(url_for("billing.home"))
    if held.state == ACTIVE:
        flash(f"“{name}” goes on. Calls pass again within seconds.")
    else:
        flash(f"The payment for “{name}” has not arrived yet. What is to be done stands above.", "warn")
    return htmx.redirect(url_for("billing.home"))


@bp.get("/return")
@member("billing:read")
def come_back() -> ResponseReturnValue:
    """Where Checkout leads: what was paid there holds at once. Harmless however often it is opened."""
    session_id = request.args.get("session_id", "")[:255]
    if not session_id:
        return htmx.redirect(url_for("billing.plan"))
    payer = account(current.session)
    api, _ = stripe()
    found = subscriptions.fetch_of_checkout(api, session_id)
    session = found["session"]
    if payer is None or session["customer"] != payer.customer_id:
        raise Conflict("This payment was made for another organisation. Switch to it to see its plan.")
    card = customers.fetch(api, payer.customer_id)
    subscriptions.apply_of_checkout(current.session, found, current.now)
    customers.apply(current.session, card, current.now)
    if session["mode"] != "subscription":
        return wallet.back_from_checkout(found)
    if session["status"] == "complete":
        flash(f"You are on “{standing().offer.document.name}”.")
    else:
        flash("Nothing was paid, and nothing has changed.", "warn")
    return htmx.redirect(url_for("billing.plan"))


def _seat_minor(held: Standing) -> int:
    """What one more seat costs in an interval, in whole minor units; 0 where there are none to be had."""
    said, own = held.offer.document, held.subscription
    return said.seat.get(own.currency, {}).get(own.interval, 0) if own is not None else 0
