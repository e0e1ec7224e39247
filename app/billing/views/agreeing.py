"""One plan, looked at before one agrees to it: what changes today, what later, and what that costs; and agreeing."""

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue

from app.billing import agreeing, forms, review
from app.billing.agreeing import Wish
from app.billing.problems import Declined
from app.billing.review import AWAY, CHECKOUT
from app.billing.views.checking_out import Elsewhere, leave
from app.billing.views.console import bp, desk
from app.core import moments
from app.organisations.guards import current, member
from app.plans import amounts, choosing
from app.plans import queries as plans
from app.plans.document import PREPAID
from app.web import htmx

ELSEWHERE = Elsewhere("You have paid in another window already, so nothing was bought twice.", "billing.plan")


@bp.get("/plan/<slug>")
@member("billing:read")
def look(slug: str) -> ResponseReturnValue:
    fields = request.args.to_dict()
    wrong_seats = forms.wrong_seats(fields, agreeing.offer_of(desk(), slug, fields))
    if wrong_seats:
        fields.pop("seats")
    paid_in = plans.paid_in(current.session, current.organisation.id)
    fields.setdefault("currency", paid_in)
    wish, visit = agreeing.wish_of(desk(), slug, fields), forms.new_visit()
    if wish.way.how == AWAY and wish.choice.offer.document.is_default:
        return htmx.redirect(url_for("billing.ask_to_cancel"))
    obstacle = agreeing.obstacle(desk(), wish)
    lines, total, until = agreeing.today(desk(), wish, visit) if not (obstacle or wrong_seats) else ([], 0, None)
    return htmx.render(
        "billing/look.html",
        status=422 if wrong_seats else 200,
        wish=wish,
        wrong_seats=wrong_seats,
        typed_seats=request.args.get("seats") if wrong_seats else wish.choice.seats,
        paid_in=paid_in,
        names=amounts.NAMES,
        visit=visit,
        lines=lines,
        total=total,
        until=until,
        lacking=0 if obstacle or wrong_seats else agreeing.lacking(desk(), wish),
        fees=review.fees(wish.choice),
        rise=agreeing.rise(desk(), wish),
        charges=review.charges(wish.choice.offer, wish.choice.currency),
        obstacle=obstacle,
        terms=request.args.get(forms.TERMS, ""),
        keeps_prices=wish.keeps_prices,
        takes_payments=current.settings.takes_payments,
        came_back_unpaid="unpaid" in request.args,
    )


@bp.post("/plan/<slug>")
@member("billing:write")
def agree(slug: str) -> ResponseReturnValue:
    wish, visit = agreeing.wish_of(desk(), slug, request.form), forms.visit(request.form)
    seats_before = wish.held.subscription.seats if wish.held.subscription is not None else 0
    try:
        url = agreeing.agree(desk(), wish, visit, shown_at=forms.shown_at(request.form))
    except Declined as problem:
        flash(f"{problem.message} Nothing was changed. Give another card, and try again.", "error")
        return htmx.redirect(url_for("billing.home"))
    if wish.way.how == CHECKOUT:
        return leave(url, ELSEWHERE)
    flash(_agreed(wish, seats_before))
    if wish.choice.offer.document.kind == PREPAID and wish.way.at <= current.now:
        return htmx.redirect(url_for("billing.wallet"))
    return htmx.redirect(url_for("billing.plan"))


def _agreed(wish: Wish, seats_before: int) -> str:
    name, at, is_now = wish.choice.offer.document.name, wish.way.at, wish.way.at <= current.now
    if wish.keeps_prices and wish.choice.seats != seats_before:
        seats = choosing.count_of_seats(wish.choice.seats)
        return f"“{name}” has {seats} now." if is_now else f"“{name}” has {seats} from {moments.day(at)} on."
    return f"You are on “{name}”." if is_now else f"“{name}” begins on {moments.day(at)}."
