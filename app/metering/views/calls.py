"""The calls behind a figure, newest first: the same question as on the usage page, call by call."""

import re

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app.core.errors import Invalid
from app.metering import queries
from app.metering.views import asking, choices
from app.organisations.guards import current, member
from app.web import htmx

bp = Blueprint("usage_calls", __name__, url_prefix="/usage/calls")

PAGE = 25
_RECEIPT = re.compile(r"rcp_[0-9A-HJKMNP-TV-Z]{26}")


@bp.get("/")
@member("usage:read")
def index() -> ResponseReturnValue:
    asked, before = asking.read(), _before()
    calls = queries.calls_in(current.session, asked.question, limit=PAGE + 1, before=before)
    return htmx.render(
        "metering/calls.html",
        asked=asked,
        calls=calls[:PAGE],
        older=calls[PAGE - 1].event.id if len(calls) > PAGE else None,
        before=before,
        choices=choices.of_organisation(current.session, current.organisation),
        data_until=current.now,
    )


def _before() -> str | None:
    before = request.args.get("before")
    if before is not None and _RECEIPT.fullmatch(before) is None:
        raise Invalid("“before” must be a receipt, such as the last one of the page before.")
    return before
