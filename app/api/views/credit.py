"""Prepaid credit: what is left, of which grants, what happened to it; buying more, and having it bought by itself."""

from app.api import cursors, paying
from app.api.credit_schemas import (
    AutomaticChanged,
    AutomaticTold,
    CreditAsked,
    CreditFilters,
    CreditTold,
    GrantPage,
    GrantTold,
    HistoryPage,
    HistoryRow,
    TopUpAsked,
)
from app.api.endpoints import endpoint
from app.api.guards import current
from app.api.plan_schemas import PageTold
from app.billing import automatic, bought, credit, history, months, topping_up
from app.core.errors import Conflict, Invalid
from app.plans.document import PREPAID

CREDIT = "/billing/credit"


@endpoint("GET", CREDIT, "billing:read", "Prepaid credit", query=CreditAsked, answer=CreditTold)
def get_credit(query: CreditAsked) -> CreditTold:
    return _credit(_currency(query.currency))


@endpoint("GET", f"{CREDIT}/grants", "billing:read", "What credit is made of", query=CreditFilters, answer=GrantPage)
def list_grants(query: CreditFilters) -> GrantPage:
    currency = _currency(query.currency)
    found = credit.left_of_grants(current.session, current.organisation.id, currency, at=current.now)
    shown, following = cursors.part(found, cursor=query.cursor, limit=query.limit, name=lambda one: one.grant.id.hex)
    items = [
        GrantTold(
            id=one.grant.id,
            kind=one.grant.kind,
            currency=one.grant.currency,
            nanos=one.grant.nanos,
            left_nanos=one.nanos,
            created_at=one.grant.created_at,
            expires_at=one.grant.expires_at,
        )
        for one in shown
    ]
    return GrantPage(items=items, next_cursor=following)


@endpoint(
    "GET", f"{CREDIT}/months/<month>", "billing:read", "What happened to credit in a month",
    query=CreditFilters, answer=HistoryPage,
)  # fmt: skip
def list_credit_history(month: str, query: CreditFilters) -> HistoryPage:
    """Counted from the oldest, so that what happens meanwhile moves nothing."""
    currency, chosen = _currency(query.currency), months.named(month, now=current.now)
    rows = history.of_month(current.session, current.organisation.id, currency, chosen, now=current.now)
    after = cursors.read(query.cursor)
    last = min(after.rows, len(rows)) if after is not None else len(rows)
    first = max(0, last - query.limit)
    shown = rows[len(rows) - last : len(rows) - first]
    return HistoryPage(
        currency=currency,
        items=[
            HistoryRow(at=row.at, kind=row.kind, words=row.words, nanos=row.nanos, balance_nanos=row.balance)
            for row in shown
        ],
        next_cursor=cursors.counted(first) if first else None,
    )


@endpoint(
    "PATCH", f"{CREDIT}/automatic", "billing:write", "Have credit bought by itself",
    body=AutomaticChanged, answer=CreditTold,
)  # fmt: skip
def change_automatic(body: AutomaticChanged) -> CreditTold:
    desk, mode = paying.desk(), current.settings.stripe_mode
    known = automatic.of(current.session, current.organisation.id, mode)
    if body.is_on is False:
        automatic.switch_off(
            current.session, organisation_id=current.organisation.id, mode=mode, person_id=None, now=current.now
        )
    elif body.model_fields_set:
        payer = automatic.payer_of(desk)
        below = body.below_minor or (known.below if known is not None else 0)
        amount = body.amount_minor or (known.amount if known is not None else 0)
        most = body.month_most_minor or (known.month_most if known is not None else 0)
        if not (below and amount and most):
            raise Invalid("The first time, say below_minor, amount_minor and month_most_minor.")
        automatic.agree(
            current.session,
            organisation=current.organisation,
            mode=payer.mode,
            terms=topping_up.range_for(desk),
            below=below,
            amount=amount,
            month_most=most,
            person_id=None,
            now=current.now,
        )
    return _credit(_currency(None))


@endpoint(
    "POST", f"{CREDIT}/top-ups", "billing:write", "Buy credit: gives where a person pays",
    body=TopUpAsked, answer=PageTold, status=201,
)  # fmt: skip
def create_top_up(body: TopUpAsked) -> PageTold:
    desk = paying.desk()
    topping_up.refuse_other_plans(desk)
    terms = topping_up.range_for(desk)
    visit = topping_up.keep_visit(
        current.session,
        visit_id=current.visit,
        organisation=current.organisation,
        person_id=None,
        mode=current.settings.stripe_mode,
        currency=terms.currency,
        amount=terms.check(body.amount_minor),
        keeps_card=body.keeps_card,
        now=current.now,
    )
    url = topping_up.address_of(desk, visit)
    if url is None:
        raise Conflict("Credit was paid for in another visit meanwhile. Look whether more is wanted, then ask again.")
    return PageTold(url=url)


def _currency(asked: str | None) -> str:
    """The one that is asked for if there ever was credit in it, else the one that is paid in, as on the page."""
    there = credit.currencies(current.session, current.organisation.id)
    return asked if asked in there and asked is not None else topping_up.range_for(paying.desk()).currency


def _credit(currency: str) -> CreditTold:
    session, organisation_id, now, desk = current.session, current.organisation.id, current.now, paying.desk()
    terms = topping_up.range_for(desk)
    expiry = history.next_expiry(credit.left_of_grants(session, organisation_id, currency, at=now))
    return CreditTold(
        currency=currency,
        currencies=credit.currencies(session, organisation_id),
        is_prepaid=desk.standing().offer.document.kind == PREPAID,
        balance_nanos=credit.balance(session, organisation_id, currency, at=now),
        held_nanos=credit.held(session, organisation_id, currency),
        expires_at=expiry[0] if expiry is not None else None,
        expires_nanos=expiry[1] if expiry is not None else 0,
        least_minor=terms.least,
        most_minor=terms.most,
        automatic=_automatic(),
    )


def _automatic() -> AutomaticTold | None:
    mode = current.settings.stripe_mode
    auto = automatic.of(current.session, current.organisation.id, mode)
    if auto is None:
        return None
    return AutomaticTold(
        is_on=auto.is_on,
        currency=auto.currency,
        below_minor=auto.below,
        amount_minor=auto.amount,
        month_most_minor=auto.month_most,
        bought_this_month_minor=bought.this_month(current.session, current.organisation.id, mode, now=current.now),
        stopped_why=auto.stopped_why,
    )
