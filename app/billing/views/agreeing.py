"""One plan, looked at before one agrees to it: what changes today, what later, and what that costs; and agreeing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue

from app.billing import changing, forms, offers, review, subscribing, subscriptions
from app.billing.catalogue import Catalogue
from app.billing.changing import Change
from app.billing.checkout import Ways
from app.billing.problems import Declined
from app.billing.review import AWAY, CHECKOUT, HERE, LATER, NOW, SAME, Line, Way
from app.billing.stripe_api import Found, StripeApi
from app.billing.subscribing import Asked, Payer
from app.billing.views.checking_out import Elsewhere, check_out
from app.billing.views.console import bp, standing, stripe
from app.core.errors import Conflict
from app.limits import entitlements
from app.organisations.guards import current, member
from app.plans import amounts, announced, choosing, intervals, services
from app.plans import queries as plans
from app.plans.choosing import Choice
from app.plans.document import PREPAID
from app.plans.models import BY_CUSTOMER, PriceVersion
from app.plans.queries import Offer, Standing
from app.web import htmx

ELSEWHERE = Elsewhere("You have paid in another window already, so nothing was bought twice.", "billing.plan")


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted, by whom, and how that would be done."""

    held: Standing
    choice: Choice
    way: Way
    prices: list[PriceVersion]


@bp.get("/plan/<slug>")
@member("billing:read")
def look(slug: str) -> ResponseReturnValue:
    fields = request.args.to_dict()
    wrong_seats = forms.wrong_seats(fields, _offer(slug, fields, standing()))
    if wrong_seats:
        fields.pop("seats")
    paid_in = plans.paid_in(current.session, current.organisation.id)
    fields.setdefault("currency", paid_in)
    wish, visit = _wish(slug, fields), forms.new_visit()
    if wish.way.how == AWAY and wish.choice.offer.document.is_default:
        return htmx.redirect(url_for("billing.ask_to_cancel"))
    obstacle = _obstacle(wish)
    lines, total, until = _today(wish, visit) if not (obstacle or wrong_seats) else ([], 0, None)
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
        fees=review.fees(wish.choice),
        rise=_rise(wish),
        charges=review.charges(wish.choice.offer, wish.choice.currency),
        obstacle=obstacle,
        terms=request.args.get(forms.TERMS, ""),
        keeps_prices=_keeps_prices(wish),
        takes_payments=current.settings.takes_payments,
        came_back_unpaid="unpaid" in request.args,
    )


@bp.post("/plan/<slug>")
@member("billing:write")
def agree(slug: str) -> ResponseReturnValue:
    wish, visit = _wish(slug, request.form), forms.visit(request.form)
    if wish.way.how == SAME:
        raise Conflict(f"You are on “{wish.choice.offer.document.name}” already.")
    services.check(current.session, current.organisation, wish.choice)
    if wish.way.how == CHECKOUT:
        return _check_out(wish, visit)
    try:
        _change(wish, visit)
    except Declined as problem:
        flash(f"{problem.message} Nothing was changed. Give another card, and try again.", "error")
        return htmx.redirect(url_for("billing.home"))
    name, at = wish.choice.offer.document.name, wish.way.at
    flash(f"You are on “{name}”." if at <= current.now else f"“{name}” begins on {at.day} {at:%B %Y}.")
    if wish.choice.offer.document.kind == PREPAID and at <= current.now:
        return htmx.redirect(url_for("billing.wallet"))
    return htmx.redirect(url_for("billing.plan"))


def _keeps_prices(wish: Wish) -> bool:
    """Whether what is wanted is the very version that is held, with other seats or paid at other times."""
    return wish.held.subscription is not None and wish.held.offer.version.id == wish.choice.offer.version.id


def _wish(slug: str, fields: dict[str, str]) -> Wish:
    held = standing()
    offer = _offer(slug, fields, held)
    choice = forms.choice(fields, offer, held)
    choosing.check(choice, organisation_id=current.organisation.id)
    way = review.way(held, choice, now=current.now)
    if _rises_at(held, choice) is not None and way.how == LATER:
        choice = _risen(held, choice, at=way.at)
    prices = plans.prices_of(current.session, [choice.offer.version.id])
    return Wish(held, choice, way, prices)


def _rise(wish: Wish) -> tuple[datetime, list[Line]] | None:
    """When other fees hold than those of what is wanted, and which; None where none were announced."""
    at = _rises_at(wish.held, wish.choice)
    return (at, review.fees(_risen(wish.held, wish.choice, at=at))) if at is not None else None


def _rises_at(held: Standing, choice: Choice) -> datetime | None:
    """From when on another version holds of what stays as it is but for seats; None where none was announced."""
    keeps = held.subscription is not None and held.subscription.plan_version_id == choice.offer.version.id
    return announced.at_of(held.subscription) if keeps else None


def _risen(held: Standing, choice: Choice, *, at: datetime) -> Choice:
    """What it becomes at `at`: at the announced prices, if they hold by then."""
    rises_at = _rises_at(held, choice)
    if held.subscription is None or rises_at is None or rises_at > at:
        return choice
    return announced.then(current.session, held.subscription, choice)


def _offer(slug: str, fields: Mapping[str, str], held: Standing) -> Offer:
    """Whoever is on a plan keeps its prices, whatever else of it they change, unless they ask for today's."""
    keeps = held.subscription is not None and held.offer.plan.slug == slug
    if keeps and fields.get(forms.TERMS) != forms.TODAYS:
        return held.offer
    return plans.offer(current.session, slug, at=current.now, organisation=current.organisation)


def _obstacle(wish: Wish) -> str:
    """Why it cannot be agreed to, before anybody pays; "" for nothing."""
    if wish.way.how == SAME:
        return ""
    try:
        services.check(current.session, current.organisation, wish.choice)
    except Conflict as problem:
        return problem.message
    return ""


def _today(wish: Wish, visit: UUID) -> tuple[list[Line], int, datetime | None]:
    """What is paid today, all in all, and until when that reaches."""
    if wish.way.how == CHECKOUT:
        lines, until = review.first_part(wish.choice, now=current.now)
        return lines, sum(line.amount for line in lines), until
    if wish.way.how != NOW:
        return [], 0, None
    change, at_stripe = _asked(wish, visit, current.now)
    api, _ = stripe()
    invoice = changing.preview(api, at_stripe, change)
    if invoice is None:
        return [], 0, None
    lines = [Line(str(line["description"]), int(line["amount"])) for line in invoice["lines"]["data"]]
    tax = int(invoice["total"]) - int(invoice["subtotal"])
    return [*lines, *([Line("Tax", tax)] if tax else [])], int(invoice["total"]), _paid_until(wish)


def _paid_until(wish: Wish) -> datetime | None:
    """Until when what an upgrade charges today reaches; None without a fee."""
    held, interval = wish.held.subscription, wish.choice.interval
    if held is None or not interval:
        return None
    anchor_at = held.anchor_at if held.interval == interval else intervals.anchor_of(current.now)
    return intervals.around(current.now, interval=interval, anchor_at=anchor_at)[1]


def _asked(wish: Wish, visit: UUID, at: datetime) -> tuple[Change, Found]:
    """The change as Stripe is asked for it, and the subscription that it is for, as it is now."""
    held = wish.held.subscription
    if held is None:
        raise Conflict("There is no subscription to change.")
    api, catalogue = stripe()
    items = offers.items(catalogue, wish.choice, wish.prices)
    at_stripe = api.get(api.v1.subscriptions.retrieve, held.stripe_id)
    return Change(visit, wish.choice, items, at), at_stripe


def _change(wish: Wish, visit: UUID) -> None:
    session, held = current.session, wish.held.subscription
    if wish.way.how == HERE or held is None:
        services.change(
            session,
            organisation=current.organisation,
            choice=wish.choice,
            person_id=current.person.id,
            now=current.now,
        )
        entitlements.apply(session, organisation=current.organisation, now=current.now)
        return
    at = wish.way.at
    if wish.way.how == NOW:
        at = forms.shown_at(request.form, since=held.begins_at, now=current.now)
    change, at_stripe = _asked(wish, visit, at)
    api, _ = stripe()
    if wish.way.how == NOW:
        changing.upgrade(api, at_stripe, change)
    elif wish.way.how == LATER:
        changing.plan_ahead(api, at_stripe, change)
    else:
        changing.cancel(api, at_stripe, visit=visit, at=at, reason=f"Goes on with {wish.choice.offer.document.name}.")
    found = subscriptions.fetch_of_customer(api, str(at_stripe["customer"]))
    subscriptions.apply(session, found, current.now, current.person.id)
    if wish.way.how != NOW:
        services.plan_next(
            session, held, wish.choice, at=at, by=BY_CUSTOMER, person_id=current.person.id, now=current.now
        )


def _check_out(wish: Wish, visit_id: UUID) -> ResponseReturnValue:
    visit = subscribing.keep_visit(
        current.session,
        visit_id=visit_id,
        organisation=current.organisation,
        person_id=current.person.id,
        mode=current.settings.stripe_mode,
        choice=wish.choice,
        now=current.now,
    )

    def ask(api: StripeApi, catalogue: Catalogue, payer: Payer, ways: Ways) -> Asked:
        items = offers.items(catalogue, wish.choice, wish.prices)
        return subscribing.ask(api, visit, payer=payer, items=items, ways=ways)

    choice = wish.choice
    cancel_path = url_for(
        "billing.look",
        slug=choice.offer.plan.slug,
        currency=choice.currency,
        interval=choice.interval or None,
        seats=choice.seats or None,
        unpaid=1,
    )
    return check_out(visit, ask=ask, cancel_path=cancel_path, elsewhere=ELSEWHERE)
