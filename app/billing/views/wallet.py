"""Prepaid credit: what is left, buying more, having more bought by itself, and what happened to it."""

from dataclasses import dataclass, field

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue

from app.billing import (
    automatic,
    bought,
    credit,
    forms,
    history,
    months,
    topping_up,
)
from app.billing.history import KINDS, Row
from app.billing.models import Checkout
from app.billing.months import Month
from app.billing.stripe_api import Found
from app.billing.topping_up import Range
from app.billing.views.checking_out import Elsewhere, leave
from app.billing.views.console import account, bp, desk, standing
from app.billing.views.months import Words
from app.core.errors import Invalid
from app.organisations.guards import current, member
from app.plans import amounts
from app.plans.amounts import NANOS
from app.plans.document import PREPAID
from app.web import files, htmx, paging

OTHER = "other"
GRANTS, PAGE = 10, 50
ELSEWHERE = Elsewhere(
    "You have paid in another window just now, so nothing was bought twice. Look whether you want more.",
    "billing.wallet",
)
COLUMNS = ("at_utc", "what", "words", "nanos", "balance_nanos", "currency")


@dataclass(slots=True)
class Typed:
    """What came back to be corrected: fields as they were sent, and what is wrong with each."""

    fields: dict[str, str] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)

    def wrong(self, name: str, problem: Invalid) -> None:
        self.errors.setdefault(name, []).append(problem.message)


@bp.get("/wallet/")
@member("billing:read")
def wallet() -> ResponseReturnValue:
    return _page(Typed())


@bp.get("/wallet/top-up")
@bp.get("/wallet/automatic")
@member("billing:read")
def look_at_wallet() -> ResponseReturnValue:
    """Where a form that came back to be corrected stands, asked for again."""
    return htmx.redirect(url_for("billing.wallet"))


@bp.get("/wallet/history.csv")
@member("billing:read")
def wallet_csv() -> ResponseReturnValue:
    """The rows of the page for that month; amounts in 1e-9 of a minor unit."""
    currency, month = _currency(), _month()
    rows = [
        [row.at.isoformat(timespec="seconds"), KINDS[row.kind], row.words, row.nanos, row.balance, currency]
        for row in _history(currency, month)
    ]
    return files.as_csv(COLUMNS, rows, name=f"credit-{currency}-{month.name}")


@bp.post("/wallet/top-up")
@member("billing:write")
def top_up() -> ResponseReturnValue:
    topping_up.refuse_other_plans(desk())
    terms, visit_id = _terms(), forms.visit(request.form)
    typed = Typed(request.form.to_dict())
    try:
        amount = _amount(terms)
    except Invalid as problem:
        typed.wrong(OTHER, problem)
        return _page(typed)
    visit = topping_up.keep_visit(
        current.session,
        visit_id=visit_id,
        organisation=current.organisation,
        person_id=current.person.id,
        mode=current.settings.stripe_mode,
        currency=terms.currency,
        amount=amount,
        keeps_card="keep" in request.form,
        now=current.now,
    )
    return _check_out(visit)


@bp.post("/wallet/automatic")
@member("billing:write")
def agree_to_top_ups() -> ResponseReturnValue:
    payer, terms = automatic.payer_of(desk()), _terms()
    typed, said = Typed(request.form.to_dict()), dict[str, int]()
    for name in ("below", "amount", "month_most"):
        try:
            said[name] = amounts.parse_typed_minor(request.form.get(name, ""), currency=terms.currency)
        except Invalid as problem:
            typed.wrong(name, problem)
    if not typed.errors:
        for name, words in automatic.problems(terms, **said).items():
            typed.wrong(name, Invalid(words))
    if typed.errors:
        return _page(typed)
    automatic.agree(
        current.session,
        organisation=current.organisation,
        mode=payer.mode,
        terms=terms,
        **said,
        person_id=current.person.id,
        now=current.now,
    )
    flash("Automatic top-up is on.")
    return htmx.redirect(url_for("billing.wallet"))


@bp.post("/wallet/automatic/off")
@member("billing:write")
def switch_top_ups_off() -> ResponseReturnValue:
    automatic.switch_off(
        current.session,
        organisation_id=current.organisation.id,
        mode=current.settings.stripe_mode,
        person_id=current.person.id,
        now=current.now,
    )
    flash("Automatic top-up is off. Nothing is charged by itself any more.")
    return htmx.redirect(url_for("billing.wallet"))


def back_from_checkout(found: Found) -> ResponseReturnValue:
    """What a person reads who comes back from buying credit, once it was applied (views/plan.py)."""
    session, paid = found["session"], found["paid"].get("payment", {}).get("status")
    if paid == "succeeded":
        bought = amounts.shown_minor(int(found["paid"]["payment"]["metadata"]["credit"]), currency=session["currency"])
        flash(f"{bought} of credit were added. Calls can use them now.")
    elif session["status"] == "complete" and paid == "processing":
        flash("Your payment is on its way. The credit is added as soon as the money is there.")
    elif session["status"] == "complete":
        flash("The payment did not come through. Nothing was charged, and nothing was added.", "warn")
    else:
        flash("Nothing was paid, and nothing has changed.", "warn")
    return htmx.redirect(url_for("billing.wallet"))


def _page(typed: Typed) -> ResponseReturnValue:
    session, organisation, mode = current.session, current.organisation, current.settings.stripe_mode
    currency, month, terms = _currency(), _month(), _terms()
    auto = automatic.of(session, organisation.id, mode)
    older = history.month_before(session, organisation.id, currency, month)
    grants = credit.left_of_grants(session, organisation.id, currency, at=current.now)
    there = credit.currencies(session, organisation.id)
    balance = credit.balance(session, organisation.id, currency, at=current.now)
    page = htmx.render(
        "billing/wallet.html",
        typed=typed,
        visit=forms.new_visit(),
        is_prepaid=standing().offer.document.kind == PREPAID,
        balance=balance,
        is_low=auto is not None and balance < auto.below * NANOS,
        held=credit.held(session, organisation.id, currency),
        grants=paging.part_of(grants, size=GRANTS, name="made_of"),
        expiry=history.next_expiry(grants),
        currency=currency,
        currencies=there,
        currency_links=_currency_links(there, currency),
        terms=terms,
        currency_name=amounts.NAMES[terms.currency],
        account=account(session),
        auto=auto,
        under_way=automatic.under_way(session, organisation.id, mode),
        bought=bought.this_month(session, organisation.id, mode, now=current.now),
        is_at_most=auto is not None and auto.is_on and automatic.is_at_most(session, auto, now=current.now),
        page=paging.part_of(_history(currency, month), size=PAGE),
        kinds=KINDS,
        month=month,
        older=older,
        newer=month.is_over(current.now),
        words=Words(),
        takes_payments=current.settings.takes_payments,
        takes_tax=current.settings.stripe_tax,
        operator=current.settings.operator,
    )
    return (page, 422) if typed.errors else page


def _currency_links(there: list[str], chosen: str) -> list[dict[str, object]]:
    return [
        {"label": one.upper(), "url": url_for("billing.wallet", currency=one), "is_current": one == chosen}
        for one in there
    ]


def _history(currency: str, month: Month) -> list[Row]:
    return history.of_month(current.session, current.organisation.id, currency, month, now=current.now)


def _month() -> Month:
    name = request.args.get("month")
    return months.named(name, now=current.now) if name else months.around(current.now)


def _currency() -> str:
    """The one that is looked at: as asked for, of the plan, or in which there is credit."""
    there = credit.currencies(current.session, current.organisation.id)
    asked = request.args.get("currency", "")
    return asked if asked in there else _terms().currency


def _terms() -> Range:
    """What can be bought, in the currency that is paid in."""
    return topping_up.range_for(desk())


def _amount(terms: Range) -> int:
    chosen, other = request.form.get("amount", ""), request.form.get(OTHER, "").strip()
    if chosen == OTHER or not chosen:
        return terms.parse(other)
    if other:
        raise Invalid("Choose “Another amount” for what you wrote here, or leave it empty.")
    return terms.check(forms.whole(chosen))


def _check_out(visit: Checkout) -> ResponseReturnValue:
    return leave(topping_up.address_of(desk(), visit), ELSEWHERE)
