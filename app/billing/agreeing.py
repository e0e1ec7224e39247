"""Another plan: what is wanted, what it changes today and later, what that costs, and doing it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from app.billing import (
    at_checkout,
    changing,
    forms,
    minimums,
    months,
    offers,
    review,
    subscribing,
    subscriptions,
)
from app.billing.catalogue import Catalogue
from app.billing.changing import Change
from app.billing.checkout import Ways
from app.billing.desk import Desk
from app.billing.review import CHECKOUT, HERE, LATER, NOW, SAME, Line, Way
from app.billing.stripe_api import Found, StripeApi
from app.billing.subscribing import Asked, Payer
from app.core.errors import Conflict
from app.limits import entitlements
from app.plans import announced, choosing, document, intervals, services
from app.plans import queries as plans
from app.plans.choosing import Choice
from app.plans.models import BY_CUSTOMER, PAUSED, PriceVersion
from app.plans.queries import Offer, Standing


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted, by whom, and how that would be done."""

    held: Standing
    choice: Choice
    way: Way
    prices: list[PriceVersion]

    @property
    def keeps_prices(self) -> bool:
        """Whether it is the very version that is held, with other seats or paid at other times."""
        return self.held.subscription is not None and self.held.offer.version.id == self.choice.offer.version.id


def offered(desk: Desk, held: Standing) -> list[Offer]:
    """What can be chosen; before the newest version of one's own plan the one that one is on."""
    found = []
    for offer in plans.catalogue(desk.session, at=desk.now):
        if offer.plan.id != held.offer.plan.id or offer.version.id == held.offer.version.id:
            found.append(offer)
            continue
        found.append(held.offer)
        if _is_new_to(held, offer):
            found.append(offer)
    return found


def _is_new_to(held: Standing, newer: Offer) -> bool:
    """Whether today's version of their plan differs in what they could have, in the currency that they pay in."""
    currency = held.subscription.currency if held.subscription is not None else ""
    if currency not in newer.document.currencies:
        return True
    return document.in_currency(held.offer.document, currency) != document.in_currency(newer.document, currency)


def offer_of(desk: Desk, slug: str, fields: Mapping[str, str]) -> Offer:
    """Whoever is on a plan keeps its prices, whatever else of it they change, unless they ask for today's."""
    held = desk.standing()
    keeps = held.subscription is not None and held.offer.plan.slug == slug
    if keeps and fields.get(forms.TERMS) != forms.TODAYS:
        return held.offer
    return plans.offer(desk.session, slug, at=desk.now, organisation=desk.organisation)


def wish_of(desk: Desk, slug: str, fields: Mapping[str, str]) -> Wish:
    """fields: as forms.choice takes them, and forms.TERMS. Raises NotFound, and Invalid for what is not offered."""
    held = desk.standing()
    offer = offer_of(desk, slug, fields)
    choice = forms.choice(fields, offer, held)
    choosing.check(choice, organisation_id=desk.organisation.id)
    way = review.way(held, choice, now=desk.now)
    if _rises_at(held, choice) is not None and way.how == LATER:
        choice = _risen(desk, held, choice, at=way.at)
    prices = plans.prices_of(desk.session, [choice.offer.version.id])
    return Wish(held, choice, way, prices)


def rise(desk: Desk, wish: Wish) -> tuple[datetime, list[Line]] | None:
    """When other fees hold than those of what is wanted, and which; None where none were announced."""
    at = _rises_at(wish.held, wish.choice)
    return (at, review.fees(_risen(desk, wish.held, wish.choice, at=at))) if at is not None else None


def obstacle(desk: Desk, wish: Wish) -> str:
    """Why it cannot be agreed to, before anybody pays; "" for nothing."""
    if wish.way.how == SAME:
        return ""
    try:
        _check(desk, wish)
    except Conflict as problem:
        return problem.message
    return ""


def today(desk: Desk, wish: Wish, visit: UUID) -> tuple[list[Line], int, datetime | None]:
    """What is paid today, all in all, and until when that reaches. Asks Stripe about a change at once."""
    if wish.way.how == CHECKOUT:
        lines, until = review.first_part(wish.choice, now=desk.now)
        return lines, sum(line.amount for line in lines), until
    if wish.way.how != NOW:
        return [], 0, None
    change, at_stripe = _asked(desk, wish, visit, desk.now)
    api, _ = desk.stripe()
    invoice = changing.preview(api, at_stripe, change)
    if invoice is None:
        return [], 0, None
    lines = [Line(str(line["description"]), int(line["amount"])) for line in invoice["lines"]["data"]]
    tax = int(invoice["total"]) - int(invoice["subtotal"])
    lines += [Line("Tax", tax)] if tax else []
    return lines, int(invoice["total"]), _paid_until(wish, now=desk.now)


def lacking(desk: Desk, wish: Wish) -> int:
    """What of this month is billed beside its use, in minor units, because it lacks that much to a minimum of a plan
    that is left now; 0 where nothing does. Asks Stripe what is billed already.
    """
    account = desk.account()
    if wish.way.how != NOW or wish.keeps_prices or account is None:
        return 0
    api, _ = desk.stripe()
    found = minimums.to_add(desk.session, api, account, months.around(desk.now))
    return sum(amount for _, amount in found)


def agree(desk: Desk, wish: Wish, visit: UUID, *, shown_at: datetime | None) -> str | None:
    """Have it. Gives where to pay first, if that has to be; None when it is done, or was in another visit.

    shown_at: for which moment the amounts of a change at once were looked at. Raises Conflict where there is nothing to
    change or an obstacle, Declined when the card was, and nothing was changed. Asks Stripe.
    """
    if wish.way.how == SAME:
        raise Conflict(f"You are on {choosing.words(wish.choice)} already. Nothing was changed.")
    _check(desk, wish)
    if wish.way.how == CHECKOUT:
        return _check_out(desk, wish, visit)
    _change(desk, wish, visit, shown_at=shown_at)
    return None


def _check(desk: Desk, wish: Wish) -> None:
    """Raises Conflict. A change would be paid for while calls stayed stopped, so what is paused goes on first."""
    held = wish.held.subscription
    if held is not None and held.state == PAUSED:
        name = wish.held.offer.document.name
        raise Conflict(
            f"“{name}” is paused. Resume it on the page “Billing” first, then change it. Nothing was changed."
        )
    services.check(desk.session, desk.organisation, wish.choice)


def _rises_at(held: Standing, choice: Choice) -> datetime | None:
    """From when on another version holds of what stays as it is but for seats; None where none was announced."""
    keeps = held.subscription is not None and held.subscription.plan_version_id == choice.offer.version.id
    return announced.at_of(held.subscription) if keeps else None


def _risen(desk: Desk, held: Standing, choice: Choice, *, at: datetime) -> Choice:
    """What it becomes at `at`: at the announced prices, if they hold by then."""
    rises_at = _rises_at(held, choice)
    if held.subscription is None or rises_at is None or rises_at > at:
        return choice
    return announced.then(desk.session, held.subscription, choice)


def _paid_until(wish: Wish, *, now: datetime) -> datetime | None:
    """Until when what an upgrade charges today reaches; None without a fee."""
    held, interval = wish.held.subscription, wish.choice.interval
    if held is None or not interval:
        return None
    anchor_at = held.anchor_at if held.interval == interval else intervals.anchor_of(now)
    return intervals.around(now, interval=interval, anchor_at=anchor_at)[1]


def _asked(desk: Desk, wish: Wish, visit: UUID, at: datetime) -> tuple[Change, Found]:
    """The change as Stripe is asked for it, and the subscription that it is for, as it is now."""
    held = wish.held.subscription
    if held is None:
        raise Conflict("There is no subscription to change.")
    api, catalogue = desk.stripe()
    items = offers.items(catalogue, wish.choice, wish.prices)
    at_stripe = api.get(api.v1.subscriptions.retrieve, held.stripe_id)
    return Change(visit, wish.choice, items, at), at_stripe


def _change(desk: Desk, wish: Wish, visit: UUID, *, shown_at: datetime | None) -> None:
    session, held = desk.session, wish.held.subscription
    if wish.way.how == HERE or held is None:
        services.change(
            session, organisation=desk.organisation, choice=wish.choice, person_id=desk.person_id, now=desk.now
        )
        entitlements.apply(session, organisation=desk.organisation, now=desk.now)
        return
    at = wish.way.at
    if wish.way.how == NOW:
        at = forms.fresh(shown_at, since=held.begins_at, now=desk.now)
    change, at_stripe = _asked(desk, wish, visit, at)
    api, _ = desk.stripe()
    if wish.way.how == NOW:
        changing.upgrade(api, at_stripe, change)
    elif wish.way.how == LATER:
        changing.plan_ahead(api, at_stripe, change)
    else:
        changing.cancel(api, at_stripe, visit=visit, at=at, reason=f"Goes on with {wish.choice.offer.document.name}.")
    found = subscriptions.fetch_of_customer(api, str(at_stripe["customer"]))
    subscriptions.apply(session, found, desk.now, desk.person_id)
    if wish.way.how != NOW:
        services.plan_next(session, held, wish.choice, at=at, by=BY_CUSTOMER, person_id=desk.person_id, now=desk.now)


def _check_out(desk: Desk, wish: Wish, visit_id: UUID) -> str | None:
    choice = wish.choice
    visit = subscribing.keep_visit(
        desk.session,
        visit_id=visit_id,
        organisation=desk.organisation,
        person_id=desk.person_id,
        mode=desk.settings.stripe_mode,
        choice=choice,
        now=desk.now,
    )

    def ask(api: StripeApi, catalogue: Catalogue, payer: Payer, ways: Ways) -> Asked:
        items = offers.items(catalogue, choice, wish.prices)
        return subscribing.ask(api, visit, payer=payer, items=items, ways=ways)

    said = {"currency": choice.currency, "interval": choice.interval, "seats": choice.seats or "", "unpaid": 1}
    query = urlencode({name: value for name, value in said.items() if value})
    path = f"/billing/plan/{choice.offer.plan.slug}?{query}"
    return at_checkout.address_of(desk, visit, ask=ask, cancel_path=path)
