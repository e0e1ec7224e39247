"""Home: is it working, and what came in lately."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.metering import queries
from app.metering.views import charts
from app.metering.views.usage import HOME_DAYS
from app.organisations.guards import current, member
from app.web import htmx

bp = Blueprint("home", __name__, url_prefix="/home")

LATEST = 5


@bp.get("/")
@member("usage:read")
def index() -> ResponseReturnValue:
    organisation, session = current.organisation, current.session
    since, until = queries.days_back(current.now, HOME_DAYS)
    today, _ = queries.days_back(current.now, 1)
    days = queries.by_day(session, organisation, since=since, until=until)
    tools = queries.by_tool(session, organisation, since=since, until=until, limit=LATEST)
    return htmx.render(
        "metering/home.html",
        chart=charts.calls_by_day(days),
        days=HOME_DAYS,
        today=queries.totals(session, organisation, since=today, until=until),
        period=queries.totals(session, organisation, since=since, until=until),
        tool_bars=charts.calls_by_tool(tools),
        calls=queries.calls_of(session, organisation, limit=LATEST),
        data_until=current.now,
    )
