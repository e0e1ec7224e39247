"""Everyone who signed up here: finding an organisation."""

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app.accounts.guards import current, operator
from app.admin import queries
from app.integrations import queries as integrations
from app.metering.queries import days_back
from app.web import htmx, paging

bp = Blueprint("admin", __name__, url_prefix="/operator")

PAGE = 50
DAYS = 7
LONGEST = 200
"""Of what is searched for."""


@bp.get("/")
@operator
def index() -> ResponseReturnValue:
    text = request.args.get("q", "").strip()[:LONGEST]
    since, _ = days_back(current.now, DAYS)
    return htmx.render(
        "admin/index.html",
        page=paging.page_of(
            lambda limit, offset: queries.organisations(current.session, text, since=since, limit=limit, offset=offset),
            size=PAGE,
        ),
        text=text,
        installation=queries.installation(current.session, since=since),
        integrations=integrations.enabled(current.session),
        gateway_url=current.settings.gateway_url,
        days=DAYS,
        data_until=current.now,
    )
