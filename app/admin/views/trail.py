"""Everything that is written down here, of every organisation and of none, for operators."""

from uuid import UUID

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app.accounts.guards import current, operator
from app.admin import customer
from app.core import uuids
from app.core.errors import Invalid
from app.organisations.models import Organisation
from app.trail import pages
from app.trail.pages import Log

bp = Blueprint("operator_audit", __name__, url_prefix="/operator/audit")

CHOICES = pages.choices_of()


@bp.get("/")
@operator
def index() -> ResponseReturnValue:
    organisation = _organisation()
    return pages.index(_log(organisation), "admin/trail.html", choices=CHOICES, organisation=organisation)


@bp.get("/<uuid:entry_id>")
@operator
def show(entry_id: UUID) -> ResponseReturnValue:
    return pages.show(_log(None), entry_id, "admin/trail_entry.html")


@bp.get("/audit.csv")
@operator
def as_csv() -> ResponseReturnValue:
    return pages.as_csv(_log(_organisation()))


@bp.get("/audit.json")
@operator
def as_json() -> ResponseReturnValue:
    return pages.as_json(_log(_organisation()))


def _organisation() -> Organisation | None:
    """The one that the address asks for. Raises Invalid for what is no id, NotFound for none."""
    text = request.args.get("organisation", "")
    if not text:
        return None
    organisation_id = uuids.read(text)
    if organisation_id is None:
        raise Invalid("“organisation” must be as a page of the audit log gives it.")
    return customer.one(current.session, organisation_id)


def _log(organisation: Organisation | None) -> Log:
    if organisation is None:
        return Log(None, bp.name, "all", {}, is_operator=True)
    return Log(organisation.id, bp.name, organisation.slug, {"organisation": str(organisation.id)}, is_operator=True)
