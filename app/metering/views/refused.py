"""What was refused lately, newest first, each with a page of its own. None of it is a call, and none is billed."""

from datetime import timedelta
from uuid import UUID

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app.core.errors import Invalid
from app.metering import attempts, naming, refused, selection
from app.metering.views import choices
from app.organisations.guards import current, member
from app.web import htmx

bp = Blueprint("refused", __name__, url_prefix="/usage/refused")

PAGE = 25


@bp.get("/")
@member("usage:read")
def index() -> ResponseReturnValue:
    session, organisation = current.session, current.organisation
    reason, before = request.args.get("reason", ""), request.args.get("before")
    if reason and reason not in attempts.EXPLANATIONS:
        raise Invalid("“reason” must be one of those that the list shows.")
    key = request.args.get("key", type=UUID)
    since = current.now - timedelta(hours=current.settings.attempts_kept_hours)
    found = refused.listed(session, organisation, since=since, limit=PAGE + 1, key_id=key, reason=reason, before=before)
    rows = found[:PAGE]
    held = {(row.key_id,) for row in rows if row.key_id is not None}
    names = naming.names_of(session, organisation, selection.KEY, sorted(held))
    return htmx.render(
        "metering/refused.html",
        rows=[
            (row, attempts.title_of(row.reason, row.path or "that address"), names.get((row.key_id,))) for row in rows
        ],
        reasons=[
            (name, attempts.title_of(name), count)
            for name, count in refused.reasons(session, organisation, since=since)
        ],
        keys=choices.of_organisation(session, organisation)[selection.KEY],
        asked={"reason": reason, "key": str(key) if key is not None else ""},
        before=before,
        older=rows[-1].id if len(found) > PAGE else "",
        kept_hours=current.settings.attempts_kept_hours,
    )
