"""For anybody: report a key that you found, and rules for scanners that find keys before others do."""

from flask import Blueprint, Response, flash, make_response, url_for
from flask.typing import ResponseReturnValue

from app.accounts.views import tries
from app.core import audit
from app.core.errors import Invalid
from app.leaks import models, reports, scanners, services
from app.leaks.forms import ReportForm
from app.leaks.reports import Report
from app.web import database, htmx, metrics
from app.web.current import current
from app.web.guards import public

bp = Blueprint("report", __name__, url_prefix="/report-a-key")


@bp.get("")
@public
def index() -> ResponseReturnValue:
    return _form(ReportForm())


@bp.post("")
@public
def create() -> ResponseReturnValue:
    # Each report looks keys up, and can send mail.
    tries.count("report", most=current.settings.reports_per_address, refusal="Many reports came from your address.")
    form = ReportForm()
    found = _found(form)
    if form.errors:
        return _form(form, status=422)
    flash(_said(_taken(found)))
    return htmx.redirect(url_for("report.index"))


@bp.get("/rules")
@public
def rules() -> ResponseReturnValue:
    settings = current.settings
    return htmx.render(
        "leaks/rules.html",
        gitleaks=scanners.gitleaks(settings),
        trufflehog=scanners.trufflehog(settings),
        github=scanners.github(settings),
    )


@bp.get("/gitleaks.toml")
@public
def gitleaks() -> ResponseReturnValue:
    return _file(scanners.gitleaks(current.settings), "gitleaks.toml", "application/toml")


@bp.get("/trufflehog.yaml")
@public
def trufflehog() -> ResponseReturnValue:
    return _file(scanners.trufflehog(current.settings), "trufflehog.yaml", "application/yaml")


@bp.get("/github.txt")
@public
def github() -> ResponseReturnValue:
    return _file(scanners.github(current.settings), "github.txt", "text/plain; charset=utf-8")


def _form(form: ReportForm, *, status: int = 200) -> Response:
    """What was typed comes back, and is kept nowhere: the answer may hold a key."""
    response = htmx.render("leaks/report.html", status=status, form=form, brand=current.settings.key_brand)
    response.headers["Cache-Control"] = "no-store"
    return response


def _found(form: ReportForm) -> list[Report]:
    """The keys that were typed; what is wrong stands on the form."""
    form.validate()
    if form.key.errors:
        return []
    try:
        return reports.of_form(form.key.data or "", form.where.data or "")
    except Invalid as problem:
        form.key.errors = [problem.message]
        return []


def _taken(found: list[Report]) -> list[bool]:
    audit.set_origin(None)  # whoever reports stays out of the audit trail, which is another organisation's
    with database.own_transaction() as session:
        taken = services.take_in(session, found, reporter=models.FORM, now=current.now)
    for is_ours in taken.is_ours:
        metrics.leak_reported(source="form", is_ours=is_ours)
    return taken.is_ours


def _said(is_ours: list[bool]) -> str:
    """Whether it was one of ours, as the gateway would tell as well; never whose."""
    if not any(is_ours):
        return "Thank you. Nobody here knows that key: it opens nothing on this gateway."
    return (
        "Thank you. That was a key of this gateway. What its owners want done with leaked keys was done just now, and "
        "they are told where you found it."
    )


def _file(text: str, name: str, kind: str) -> Response:
    response = make_response(text)
    response.headers["Content-Type"] = kind
    response.headers["Content-Disposition"] = f'attachment; filename="{current.settings.key_brand}-{name}"'
    return response
