"""Home: is it working, and what came in lately."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.metering import figures, queries, report, selection, spans, usage
from app.metering.usage import Question
from app.metering.views import charts
from app.metering.views.asking import Asked
from app.metering.views.usage_words import changed
from app.organisations.guards import current, member
from app.web import htmx

bp = Blueprint("home", __name__, url_prefix="/home")

LATEST = 5


@bp.get("/")
@member("usage:read")
def index() -> ResponseReturnValue:
    organisation, session = current.organisation, current.session
    today = spans.read(spans.TODAY, "", "", now=current.now)
    asked = Asked(spans.read(spans.USUAL, "", "", now=current.now), selection.ALL, selection.STATUS, figures.CALLS)
    made = report.report(session, asked.question, figures.CALLS, limit=LATEST)
    return htmx.render(
        "metering/home.html",
        asked=asked,
        chart=charts.of_report(made, asked) if made.series else None,
        today=usage.total(session, Question(organisation, today)),
        now=usage.total(session, Question(organisation, today.whole())),
        week_ago=usage.total(session, Question(organisation, today.whole().week_before())),
        compared=today.whole(),
        changed=changed,
        period=made.total,
        calls=queries.calls_of(session, organisation, limit=LATEST),
        data_until=current.now,
    )
