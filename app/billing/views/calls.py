"""Where calls were shown before they had one page for all that is known of them."""

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue

from app.metering import one_call
from app.organisations.guards import current, member

bp = Blueprint("billed_calls", __name__, url_prefix="/billing/calls")


@bp.get("/<receipt>")
@member("billing:read")
def show(receipt: str) -> ResponseReturnValue:
    one_call.found(current.session, current.organisation, receipt)
    return redirect(url_for("usage_calls.show", call_id=receipt), code=301)
