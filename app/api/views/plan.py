"""The plan: which it is, which there are, what another would change and cost; changing, leaving, staying."""

from uuid import UUID

from app.api import cursors, paying
from app.api.endpoints import endpoint
from app.api.guards import current
from app.api.plan_schemas import (
    CancelAsked,
    ChargeTold,
    Fee,
    LookAsked,
    LookTold,
    NextPlan,
    PlanAsked,
    PlanChanged,
    PlanFilters,
    PlanPage,
    PlanTold,
    Rise,
    StandingTold,
)
from app.billing import agreeing, forms, review, staying
from app.billing.review import CHECKOUT, Line
from app.core.errors import Conflict
from app.plans import queries as plans
from app.plans import seats
from app.plans.choosing import Choice
from app.plans.queries import Standing

PLAN, PLANS = "/billing/plan", "/billing/plans"


@endpoint("GET", PLAN, "billing:read", "The plan that the organisation is on", answer=StandingTold)
def get_plan() -> StandingTold:
    return _standing()


@endpoint("GET", PLANS, "billing:read", "Plans that can be chosen", query=PlanFilters, answer=PlanPage)
def list_plans(query: PlanFilters) -> PlanPage:
    held = paying.desk().standing()
    fields = _fields(LookAsked(currency=query.currency, interval=query.interval))
    found = review.rows(held, [forms.choice(fields, offer, held) for offer in agreeing.offered(paying.desk(), held)])
    shown, following = cursors.part(
        found, cursor=query.cursor, limit=query.limit, name=lambda row: row.choice.offer.version.id.hex
    )
    return PlanPage(items=[_plan(held, row.choice) for row in shown], next_cursor=following)


@endpoint(
    "GET", f"{PLANS}/<slug>", "billing:read", "What a plan would change and cost", query=LookAsked, answer=LookTold
)
def look_at_plan(slug: str, query: LookAsked) -> LookTold:
    """Changes nothing; Stripe is asked what a change at once would charge."""
    desk, visit = paying.desk(), current.visit
    wish = agreeing.wish_of(desk, slug, _fields(query))
    obstacle, rise = agreeing.obstacle(desk, wish), agreeing.rise(desk, wish)
    lines, total, until = agreeing.today(desk, wish, visit) if not obstacle else ([], 0, None)
    return LookTold(
        plan=_plan(wish.held, wish.choice),
        how=wish.way.how,
        at=wish.way.at,
        shown_at=current.now,
        today=_fees(lines),
        today_total_minor=total,
        until=until,
        rise=Rise(at=rise[0], fees=_fees(rise[1])) if rise is not None else None,
        obstacle=obstacle,
        takes_payments=current.settings.takes_payments,
    )


@endpoint(
    "POST", PLAN, "billing:write", "Change the plan, its seats or its interval", body=PlanAsked, answer=PlanChanged
)
def change_plan(body: PlanAsked) -> PlanChanged:
    desk = paying.desk()
    wish = agreeing.wish_of(desk, body.plan, _fields(body))
    url = agreeing.agree(desk, wish, current.visit, shown_at=body.shown_at)
    if url is None and wish.way.how == CHECKOUT:
        raise Conflict(
            "It was paid for in another visit meanwhile, so nothing was bought twice. Look at the plan again."
        )
    return PlanChanged(how=wish.way.how, at=wish.way.at, url=url, standing=_standing())


@endpoint(
    "POST", f"{PLAN}/cancel", "billing:write", "Leave the plan when it is over", body=CancelAsked, answer=StandingTold
)
def cancel_plan(body: CancelAsked) -> StandingTold:
    staying.cancel(paying.desk(), visit=current.visit, reason=body.reason.strip())
    return _standing()


@endpoint("POST", f"{PLAN}/resume", "billing:write", "Stay on the plan after all", answer=StandingTold)
def resume_plan() -> StandingTold:
    staying.resume(paying.desk(), visit=current.visit)
    return _standing()


@endpoint("POST", f"{PLAN}/unpause", "billing:write", "Resume a paused plan", answer=StandingTold)
def unpause_plan() -> StandingTold:
    staying.unpause(paying.desk(), visit=current.visit)
    return _standing()


def _fields(asked: LookAsked) -> dict[str, str]:
    """As the form of the page sends them; in the currency that was paid in, if one was."""
    currency = asked.currency or plans.paid_in(current.session, current.organisation.id) or None
    said = {"currency": currency, "interval": asked.interval, "seats": asked.seats, forms.TERMS: asked.terms}
    return {name: str(value) for name, value in said.items() if value is not None}


def _standing() -> StandingTold:
    desk = paying.desk()
    held, account = desk.standing(), desk.account()
    own, said = held.subscription, held.offer.document
    return StandingTold(
        plan=held.offer.plan.slug,
        name=said.name,
        kind=said.kind,
        version_id=held.offer.version.id,
        is_default=said.is_default,
        currency=own.currency if own is not None else "",
        interval=own.interval if own is not None else "",
        seats=own.seats if own is not None else said.seats_included,
        members=seats.members(current.session, current.organisation),
        begins_at=own.begins_at if own is not None else None,
        following=_following(held),
        pays=account.state if account is not None else "never",
        card=account.card if account is not None else "",
    )


def _following(held: Standing) -> NextPlan | None:
    own = held.subscription
    if own is None or own.next_at is None:
        return None
    return NextPlan(plan=_slug_of(own.next_plan_version_id), at=own.next_at, by=own.next_by)


def _slug_of(version_id: UUID | None) -> str | None:
    return plans.offer_of(current.session, version_id).plan.slug if version_id is not None else None


def _plan(held: Standing, choice: Choice) -> PlanTold:
    offer, said = choice.offer, choice.offer.document
    is_own = offer.version.id == held.offer.version.id
    return PlanTold(
        version_id=offer.version.id,
        plan=offer.plan.slug,
        name=said.name,
        kind=said.kind,
        currency=choice.currency,
        interval=choice.interval,
        seats=choice.seats,
        seats_included=said.seats_included,
        seats_most=said.seats_most,
        fees=_fees(review.fees(choice)),
        charges=[ChargeTold(label=label, price=price) for label, price in review.charges(offer, choice.currency)],
        is_own=is_own,
        is_newer=offer.plan.id == held.offer.plan.id and not is_own,
    )


def _fees(lines: list[Line]) -> list[Fee]:
    return [Fee(words=line.words, amount_minor=line.amount) for line in lines]
