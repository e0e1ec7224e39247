"""Alerts on use: what was unusual, with the calls behind it, and what one wants to be told of."""

from uuid import UUID

from flask import Blueprint, flash, url_for
from flask.typing import ResponseReturnValue

from app.organisations import queries as organisations
from app.organisations.guards import current, member
from app.unusual import queries, rules, services, telling
from app.unusual.forms import AlertsForm
from app.web import htmx, paging

bp = Blueprint("use_alerts", __name__, url_prefix="/usage/alerts")

PAGE = 25


@bp.get("/")
@member("usage:read")
def index() -> ResponseReturnValue:
    form = AlertsForm(formdata=None)
    form.fill(queries.choice_of(current.session, current.organisation.id))
    return _page(form)


@bp.post("/")
@member("alerts:write")
def choose() -> ResponseReturnValue:
    form = AlertsForm()
    if not form.validate():
        return _page(form, status=422)
    services.choose(current.session, current.organisation, form.choice(), person_id=current.person.id, now=current.now)
    flash("You are told of this from now on.")
    return htmx.redirect(url_for("use_alerts.index"))


@bp.post("/<uuid:alert_id>/seen")
@member("alerts:write")
def see(alert_id: UUID) -> ResponseReturnValue:
    alert = queries.alert_of(current.session, current.organisation, alert_id)
    services.see(current.session, alert=alert, person_id=current.person.id, now=current.now)
    flash("Marked as seen. It does not wait for anybody any more.")
    return htmx.redirect(url_for("use_alerts.index"))


def _page(form: AlertsForm, *, status: int = 200) -> ResponseReturnValue:
    session, organisation = current.session, current.organisation
    return htmx.render(
        "unusual/index.html",
        status=status,
        form=form,
        alerts=paging.page_of(
            lambda limit, offset: queries.alerts_of(session, organisation, limit=limit, offset=offset), size=PAGE
        ),
        choice=queries.choice_of(session, organisation.id),
        rules=rules,
        calls_path=telling.calls_path,
        knows_countries=current.settings.geoip_db is not None,
        told=len(organisations.addresses_with(session, organisation.id, "alerts:write")),
        now=current.now,
    )
