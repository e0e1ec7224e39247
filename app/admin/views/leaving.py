"""Who cancelled, and why."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.accounts.guards import current, operator
from app.admin import leaving
from app.web import htmx, paging

bp = Blueprint("operator_leaving", __name__, url_prefix="/operator/plans")

PAGE = 50


@bp.get("/cancellations")
@operator
def index() -> ResponseReturnValue:
    page = paging.page_of(
        lambda limit, offset: leaving.cancellations(current.session, limit=limit, offset=offset), size=PAGE
    )
    return htmx.render("admin/cancellations.html", page=page)
