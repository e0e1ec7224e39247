"""Home: is it working, what does it cost, what changed, and what needs me."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.billing import months, spending, watching
from app.core import audit_words
from app.core.audit import AuditEntry
from app.home import needs
from app.metering import figures, queries, report, selection, spans, usage
from app.metering.usage import Question
from app.metering.views import charts
from app.metering.views.asking import Asked
from app.metering.views.usage_words import changed
from app.organisations.guards import current, member
from app.plans import queries as plans
from app.trail import queries as trail
from app.trail.filters import Filters
from app.web import htmx

bp = Blueprint("home", __name__, url_prefix="/home")

LATEST = 5


@bp.get("/")
@member("usage:read")
def index() -> ResponseReturnValue:
    organisation, session, now = current.organisation, current.session, current.now
    today = Question(organisation, spans.read(spans.TODAY, "", "", now=now))
    so_far, whole = usage.total(session, today), today.span.whole()
    asked = Asked(spans.read(spans.USUAL, "", "", now=now), selection.ALL, selection.STATUS, figures.CALLS)
    made = report.overview(session, asked.question, figures.CALLS, limit=LATEST)
    month = months.around(now)
    held = plans.standing(session, organisation.id, at=now)
    currency = watching.currency_of(held, usual=current.settings.currency)
    return htmx.render(
        "home/index.html",
        asked=asked,
        chart=charts.of_report(made, asked) if made.series else None,
        today=so_far,
        now=usage.up_to_last_hour(session, today, so_far),
        week_ago=usage.total(session, Question(organisation, whole.week_before())),
        compared=whole,
        changed=changed,
        month=month,
        spending=spending.spending_of(
            session, organisation, month, usual=current.settings.currency, now=now, is_split=False
        )
        if current.may("billing:read")
        else None,
        needs=[
            *needs.of(session, organisation, currency=currency, now=now),
            *(needs.of_operators(session) if current.person.is_operator else []),
        ],
        changes=_changes() if current.may("audit:read") else [],
        period=made.total,
        calls=queries.calls_of(session, organisation, limit=LATEST),
        data_until=now,
    )


def _changes() -> list[tuple[AuditEntry, str]]:
    """The last entries of the organisation's log, newest first, each as a sentence."""
    entries = trail.page(current.session, current.organisation.id, Filters(), limit=LATEST).entries
    names = trail.names(current.session, entries)
    itself = current.settings.product_name
    return [(one, audit_words.sentence(one, name=names.get(one.person_id, ""), itself=itself)) for one in entries]
