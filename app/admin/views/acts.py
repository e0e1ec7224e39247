"""What operators do about an organisation: suspend it and lift that, give credit, raise what its plan allows.

Each has a page of its own, for operators who signed in lately, and stands in the organisation's own trail.
"""

from datetime import UTC, date, datetime, time
from uuid import UUID

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts import again
from app.accounts.again import Danger
from app.accounts.guards import current, operator, operator_lately
from app.admin import customer
from app.billing import forms, wallet
from app.billing.wallet_models import GIFT, PROMOTIONAL
from app.core.errors import Conflict, Invalid, NotFound
from app.limits import raises, raising
from app.organisations import stopping
from app.organisations.models import SUSPENDED, Organisation
from app.plans import amounts
from app.plans import queries as plans
from app.web import htmx

bp = Blueprint("operator_acts", __name__, url_prefix="/operator/organisations/<uuid:organisation_id>")

KINDS = {GIFT: "A gift", PROMOTIONAL: "A promotion, which has to end"}
LONGEST = 300
CREDIT_FIELDS = ("amount", "kind", "until", "words")
RAISE_FIELDS = ("place", "most", "until", "reason")
SUSPENDING = Danger("suspend an organisation", "operator_acts.suspend_form")
RESUMING = Danger("let an organisation go on", "operator_organisation.show")
CREDITING = Danger("give credit", "operator_acts.credit_form")
RAISING = Danger("raise a limit", "operator_acts.raise_form")


@bp.get("/suspend")
@operator_lately(SUSPENDING)
def suspend_form(organisation_id: UUID) -> ResponseReturnValue:
    typed = again.typed("operator_acts.suspend")
    return _suspend_page(customer.one(current.session, organisation_id), words=typed.get("words", ""))


@bp.post("/suspend")
@operator_lately(SUSPENDING)
def suspend(organisation_id: UUID) -> ResponseReturnValue:
    organisation, words = customer.one(current.session, organisation_id), request.form.get("words", "")
    try:
        stopping.stop(
            current.session,
            organisation=organisation,
            why=SUSPENDED,
            words=words,
            person_id=current.person.id,
            now=current.now,
        )
    except (Invalid, Conflict) as problem:
        return _suspend_page(organisation, words=words, problem=problem.message)
    flash(f"“{organisation.name}” is suspended. Its keys are refused within a second.")
    return _back(organisation)


@bp.post("/resume")
@operator_lately(RESUMING)
def resume(organisation_id: UUID) -> ResponseReturnValue:
    organisation = customer.one(current.session, organisation_id)
    stopping.resume(
        current.session, organisation=organisation, why=SUSPENDED, person_id=current.person.id, now=current.now
    )
    flash(f"“{organisation.name}” goes on. Its keys work within a second.")
    return _back(organisation)


@bp.get("/credit")
@operator_lately(CREDITING)
def credit_form(organisation_id: UUID) -> ResponseReturnValue:
    typed = again.typed("operator_acts.credit").to_dict() or {"visit": str(forms.new_visit())}
    return _credit_page(customer.one(current.session, organisation_id), typed)


@bp.post("/credit")
@operator_lately(CREDITING)
def credit(organisation_id: UUID) -> ResponseReturnValue:
    organisation = customer.one(current.session, organisation_id)
    typed = {name: request.form.get(name, "")[:2_000] for name in CREDIT_FIELDS}
    typed["visit"] = str(forms.visit(request.form))
    currency = _currency(organisation)
    try:
        nanos = amounts.parse_minor(typed["amount"], currency=currency) * amounts.NANOS
        _check_credit(typed)
        wallet.give(
            current.session,
            organisation=organisation,
            currency=currency,
            nanos=nanos,
            kind=typed["kind"],
            reference=f"gift:{typed['visit']}",
            words=" ".join(typed["words"].split()),
            expires_at=_moment(typed["until"]) if typed["until"] else None,
            person_id=current.person.id,
            now=current.now,
        )
    except (Invalid, Conflict) as problem:
        return _credit_page(organisation, typed, problem=problem.message)
    flash(f"“{organisation.name}” has {amounts.shown(nanos, currency=currency)} more credit.")
    return _back(organisation)


@bp.get("/raise")
@operator_lately(RAISING)
def raise_form(organisation_id: UUID) -> ResponseReturnValue:
    typed = again.typed("operator_acts.raise_limit").to_dict()
    return _raise_page(customer.one(current.session, organisation_id), typed)


@bp.post("/raise")
@operator_lately(RAISING)
def raise_limit(organisation_id: UUID) -> ResponseReturnValue:
    organisation = customer.one(current.session, organisation_id)
    typed = {name: request.form.get(name, "")[:2_000] for name in RAISE_FIELDS}
    measure, _, period = typed["place"].partition("/")
    try:
        raising.give(
            current.session,
            organisation=organisation,
            measure=measure,
            period=period,
            most=_number(typed["most"]),
            reason=typed["reason"],
            ends_at=_moment(typed["until"]),
            person_id=current.person.id,
            now=current.now,
        )
    except Invalid as problem:
        return _raise_page(organisation, typed, problem=problem.message)
    flash(f"“{organisation.name}” may do more until {_moment(typed['until']):%Y-%m-%d}; then its plan holds again.")
    return _back(organisation)


@bp.post("/raises/<uuid:raise_id>/end")
@operator
def end_raise(organisation_id: UUID, raise_id: UUID) -> ResponseReturnValue:
    organisation = customer.one(current.session, organisation_id)
    held = raises.in_force(current.session, organisation.id, at=current.now)
    given = next((one for one in held if one.id == raise_id), None)
    if given is None:
        raise NotFound("That has ended already.")
    raising.end(current.session, given=given, person_id=current.person.id, now=current.now)
    flash("The plan’s own limit holds again.")
    return _back(organisation)


def _suspend_page(organisation: Organisation, *, words: str = "", problem: str = "") -> ResponseReturnValue:
    return htmx.render(
        "admin/suspend.html",
        status=422 if problem else 200,
        organisation=organisation,
        words=words,
        problem=problem,
        longest=stopping.LONGEST,
    )


def _credit_page(organisation: Organisation, typed: dict[str, str], *, problem: str = "") -> ResponseReturnValue:
    return htmx.render(
        "admin/credit.html",
        status=422 if problem else 200,
        organisation=organisation,
        currency=_currency(organisation),
        left=customer.credit_of(current.session, organisation, now=current.now),
        kinds=KINDS,
        typed={**dict.fromkeys(CREDIT_FIELDS, ""), "kind": GIFT, **typed},
        problem=problem,
        longest=LONGEST,
    )


def _raise_page(organisation: Organisation, typed: dict[str, str], *, problem: str = "") -> ResponseReturnValue:
    allowed = raising.raisable(current.session, organisation, at=current.now)
    return htmx.render(
        "admin/raise.html",
        status=422 if problem else 200,
        organisation=organisation,
        places=[
            (f"{measure}/{period}", f"{measure.capitalize()} {'a ' + period if period else 'at once'}", most)
            for (measure, period), most in allowed.items()
        ],
        typed={**dict.fromkeys(RAISE_FIELDS, ""), **typed},
        problem=problem,
        longest=raising.LONGEST,
    )


def _check_credit(typed: dict[str, str]) -> None:
    if typed["kind"] not in KINDS:
        raise Invalid("Say whether it is a gift or a promotion.")
    if typed["kind"] == PROMOTIONAL and not typed["until"]:
        raise Invalid("A promotion ends: say on which day.")
    if not typed["words"].strip() or len(typed["words"]) > LONGEST:
        raise Invalid(f"Say what it is for, in {LONGEST} characters at most: the organisation reads it.")


def _currency(organisation: Organisation) -> str:
    held = plans.subscription_at(current.session, organisation.id, current.now)
    return held.currency if held is not None and held.currency else current.settings.currency


def _moment(text: str) -> datetime:
    """The beginning, in UTC, of the day that was typed. Raises Invalid."""
    try:
        return datetime.combine(date.fromisoformat(text.strip()), time(), tzinfo=UTC)
    except ValueError:
        raise Invalid("Give the day on which it ends, like 2027-01-31.") from None


def _number(text: str) -> int:
    plain = text.strip().replace(",", "").replace(" ", "")
    if not (plain.isascii() and plain.isdigit()) or len(plain) > 15:
        raise Invalid("Give a whole number.")
    return int(plain)


def _back(organisation: Organisation) -> ResponseReturnValue:
    return htmx.redirect(url_for("operator_organisation.show", organisation_id=organisation.id))
