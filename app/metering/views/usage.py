"""Usage: what you used, by day, by tool and call by call."""

import csv
import io
import re
from collections.abc import Sequence

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import Invalid
from app.metering import queries
from app.metering.views import charts
from app.organisations.guards import current, member
from app.web import htmx

bp = Blueprint("usage", __name__, url_prefix="/usage")

PERIODS = (7, 30, 90)
HOME_DAYS = 14
"""What the chart on Home shows; as a file it is here too."""
PAGE = 25
_RECEIPT = re.compile(r"rcp_[0-9A-HJKMNP-TV-Z]{26}")


@bp.get("/")
@member("usage:read")
def index() -> ResponseReturnValue:
    days, before = _days(PERIODS), _before()
    session, organisation = current.session, current.organisation
    since, until = queries.days_back(current.now, days)
    by_day = queries.by_day(session, organisation, since=since, until=until)
    tools = queries.by_tool(session, organisation, since=since, until=until)
    calls = queries.calls_of(session, organisation, limit=PAGE + 1, before=before, since=since)
    return htmx.render(
        "metering/usage.html",
        days=days,
        period_links=[
            {"label": f"{n} days", "url": url_for("usage.index", days=n), "is_current": n == days} for n in PERIODS
        ],
        chart=charts.calls_by_day(by_day),
        tools=tools,
        tool_bars=charts.calls_by_tool(tools),
        totals=queries.totals(session, organisation, since=since, until=until),
        calls=calls[:PAGE],
        older=calls[PAGE - 1].event.id if len(calls) > PAGE else None,
        before=before,
        data_until=current.now,
    )


@bp.get("/days.csv")
@member("usage:read")
def days_csv() -> ResponseReturnValue:
    """The chart as a file, with what the calls cost: one line per UTC day, oldest first."""
    days = _days((HOME_DAYS, *PERIODS))
    since, until = queries.days_back(current.now, days)
    rows = queries.by_day(current.session, current.organisation, since=since, until=until)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    found = queries.currency_of(current.session, current.organisation, at=current.now)
    currency = found or current.settings.currency
    writer.writerow(["day_utc", "calls", "errors", "units", "amount_nanos", "currency"])
    writer.writerows([row.day, row.calls, row.errors, row.units, row.amount_nanos, currency] for row in rows)
    name = f"calls-by-day-{rows[0].day.isoformat()}-{rows[-1].day.isoformat()}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text.getvalue(), mimetype="text/csv", headers=headers)


def _days(allowed: Sequence[int]) -> int:
    days = request.args.get("days", PERIODS[1], type=int)
    if days not in allowed:
        raise Invalid(f"Usage is shown for {', '.join(map(str, sorted(allowed)))} days.")
    return days


def _before() -> str | None:
    before = request.args.get("before")
    if before is not None and _RECEIPT.fullmatch(before) is None:
        raise Invalid("“before” must be a receipt, such as the last one of the page before.")
    return before
