"""Caps and warnings: what limits an organisation, who set it, how far it is used; and what it sets for itself."""

from uuid import UUID

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import SelectChoice

from app.billing import alert_words, alerts, caps, limit_list, watching
from app.billing.limit_forms import AlertForm, CapForm
from app.core.errors import Conflict, Invalid, LimitReached
from app.integrations import queries as integrations
from app.integrations.models import Integration
from app.keys import queries as keys
from app.organisations.guards import current, member
from app.plans import amounts
from app.plans import queries as plans
from app.web import htmx, paging

bp = Blueprint("limits", __name__, url_prefix="/billing/limits")

KEYS_OFFERED = 200
RECENT = 20
PAGE = 25


@bp.get("/")
@member("billing:read")
def index() -> ResponseReturnValue:
    return _page(_alert_form())


@bp.get("/new")
@member("billing:write")
def new() -> ResponseReturnValue:
    form = _cap_form()
    form.whose.data = request.args.get("whose") or form.whose.data
    return _cap_page(form, _currency())


@bp.get("/<uuid:rule_id>")
@member("billing:write")
def edit(rule_id: UUID) -> ResponseReturnValue:
    rule = caps.cap_of(current.session, current.organisation, rule_id)
    form, currency = _cap_form(), _currency()
    form.whose.data = limit_list.value_of(rule)
    if form.whose.data not in [choice.value for choice in form.whose.choices]:
        raise Conflict("What this cap is for cannot be called any more. The cap can only be removed.")
    form.period.data, form.action.data = rule.period, rule.action
    form.amount.data = amounts.written(rule.most, currency=currency)
    return _cap_page(form, currency)


@bp.post("/")
@member("billing:write")
def create() -> ResponseReturnValue:
    form, currency = _cap_form(), _currency()
    if form.validate():
        try:
            most = amounts.parse_typed(form.amount.data or "", currency=currency)
            kind, _, id_ = (form.whose.data or "").partition(":")
            caps.set_cap(
                current.session,
                organisation=current.organisation,
                key=keys.key_of(current.session, current.organisation, UUID(id_)) if kind == "key" else None,
                integration=current.session.get_one(Integration, UUID(id_)) if kind == "integration" else None,
                period=form.period.data or "",
                most=most,
                action=form.action.data or "",
                currency=currency,
                person_id=current.person.id,
                now=current.now,
            )
        except (Invalid, Conflict, LimitReached) as refusal:
            form.amount.errors = [*form.amount.errors, refusal.message]
        else:
            flash("The cap is set. Gateways hold it within a second.")
            return htmx.redirect(url_for("limits.index"))
    return _cap_page(form, currency, status=422)


@bp.post("/<uuid:rule_id>/remove")
@member("billing:write")
def remove(rule_id: UUID) -> ResponseReturnValue:
    rule = caps.cap_of(current.session, current.organisation, rule_id)
    caps.remove_cap(current.session, rule=rule, currency=_currency(), person_id=current.person.id, now=current.now)
    flash("The cap is gone. What others have set still holds.")
    return htmx.redirect(url_for("limits.index"))


@bp.get("/alerts")
@member("billing:read")
def look_at_alerts() -> ResponseReturnValue:
    """Where the form that came back to be corrected stands, asked for again."""
    return htmx.redirect(url_for("limits.index"))


@bp.post("/alerts")
@member("billing:write")
def choose_alerts() -> ResponseReturnValue:
    form = AlertForm()
    try:
        alerts.choose(
            current.session,
            current.organisation,
            thresholds=form.numbers(),
            by_mail=bool(form.by_mail.data),
            currency=_currency(),
            person_id=current.person.id,
            now=current.now,
        )
    except Invalid as refusal:
        form.thresholds.errors = [*form.thresholds.errors, refusal.message]
        return _page(form, status=422)
    flash("Warnings come at these shares from now on.")
    return htmx.redirect(url_for("limits.index"))


def _cap_page(form: CapForm, currency: str, *, status: int = 200) -> ResponseReturnValue:
    example = amounts.example(currency)
    return htmx.render(
        "billing/limit.html", status=status, form=form, currency_name=amounts.NAMES[currency], example=example
    )


def _page(form: AlertForm, *, status: int = 200) -> ResponseReturnValue:
    session, organisation, currency = current.session, current.organisation, _currency()
    return htmx.render(
        "billing/limits.html",
        status=status,
        own=paging.part_of(
            limit_list.own(session, organisation, currency=currency, now=current.now), size=PAGE, name="own"
        ),
        others=paging.part_of(
            limit_list.others(session, organisation, current.settings, currency=currency, now=current.now),
            size=PAGE,
            name="others",
        ),
        form=form,
        recipients=alert_words.recipients(session, organisation, mode=current.settings.stripe_mode),
        recent=alerts.recent(session, organisation.id, limit=RECENT),
    )


def _currency() -> str:
    standing = plans.standing(current.session, current.organisation.id, at=current.now)
    return watching.currency_of(standing, usual=current.settings.currency)


def _alert_form() -> AlertForm:
    thresholds, by_mail = alerts.setting_of(current.session, current.organisation.id)
    return AlertForm(thresholds=", ".join(map(str, thresholds)), by_mail=by_mail)


def _cap_form() -> CapForm:
    """What a cap may be for: everything, each live key, each integration; and what has one already."""
    form = CapForm()
    mine = keys.keys_of(current.session, current.organisation, limit=KEYS_OFFERED)
    choices = [(limit_list.ALL, "All calls")]
    choices += [(f"key:{key.id}", f"The key “{key.name}” ({key.hint})") for key in mine if not key.revoked_at]
    offered = integrations.enabled(current.session)
    choices += [(f"integration:{one.id}", f"The integration “{one.name}”") for one in offered]
    form.whose.choices = [SelectChoice(*choice) for choice in choices]
    return form
