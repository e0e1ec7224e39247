"""Everyone who signed up here."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.accounts.guards import current, operator
from app.admin import queries
from app.integrations import queries as integrations
from app.metering.queries import days_back
from app.web import htmx, limits

bp = Blueprint("admin", __name__, url_prefix="/operator")

PAGE = 50
DAYS = 7


@bp.get("/")
@operator
def index() -> ResponseReturnValue:
    page = limits.page_number()
    since, _ = days_back(current.now, DAYS)
    lines = queries.organisations(current.session, since=since, limit=PAGE + 1, offset=(page - 1) * PAGE)
    return htmx.render(
        "admin/index.html",
        lines=lines[:PAGE],
        installation=queries.installation(current.session, since=since),
        integrations=integrations.enabled(current.session),
        gateway_url=current.settings.gateway_url,
        days=DAYS,
        page=page,
        has_next=len(lines) > PAGE,
        data_until=current.now,
    )
