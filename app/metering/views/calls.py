"""Calls: those behind a figure, newest first, by the same question as on the usage page; and each by itself."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, make_response, request, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import col, select

from app.core import crypto, ids, vault
from app.core.errors import Invalid
from app.integrations import snippets
from app.metering import issuing, one_call, queries, selection
from app.metering.models import Attempt, Crowd, UsageEvent
from app.metering.proof_models import SigningKey
from app.metering.queries import Call
from app.metering.views import asking, choices
from app.metering.views.asking import Asked
from app.organisations.guards import current, member
from app.web import htmx

bp = Blueprint("usage_calls", __name__, url_prefix="/usage/calls")

PAGE = 25
ON = "on"
LATE = timedelta(minutes=10)
"""A call stands in the list where it began, and is there once it has ended: so much later, at most, for `live`."""
RECEIPT_LENGTH = 30
_RECEIPT = re.compile(r"rcp_[0-5][0-9A-HJKMNP-TV-Z]{25}")  # of moments that ids.moment_of can tell


@bp.get("/")
@member("usage:read")
def index() -> ResponseReturnValue:
    wanted = request.args.get("call", "").strip()
    if wanted:
        return htmx.redirect(url_for("usage_calls.show", call_id=wanted))
    asked, before = asking.read(), _receipt_in("before")
    return htmx.render(
        "metering/calls.html",
        asked=asked,
        listed=_listed(asked, before),
        choices=choices.of_organisation(current.session, current.organisation),
        words=selection.WORDS,
        is_followed=request.args.get("live") == ON,
    )


@bp.get("/live")
@member("usage:read")
def live() -> ResponseReturnValue:
    """The first page's list as it is by now, for a page that asks again and again; 204 while that shows it already."""
    asked, since = asking.read(), _receipt_in("since")
    if not htmx.wants_fragment():
        return htmx.redirect(asked.url("usage_calls.index", live=ON))
    is_fresh = since is not None and ids.moment_of(since) > current.now - 2 * LATE
    if is_fresh and _state(asked, since) == request.args.get("state"):
        return htmx.varying(make_response("", 204))
    return htmx.render("metering/calls.html", block="list", asked=asked, listed=_listed(asked, None))


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of the list. older: where the next one begins, "" for the last. since, state: for `live`; "" where nothing
    can come in any more.
    """

    calls: Sequence[Call]
    before: str | None
    older: str
    until: datetime
    since: str
    state: str


def _listed(asked: Asked, before: str | None) -> Listed:
    since = ids.lowest_receipt(current.now - LATE).ljust(RECEIPT_LENGTH, "0")
    grows = before is None and asked.span.is_open
    state = _state(asked, since) if grows else ""  # before the list, so that what comes between is asked for again
    calls = queries.calls_in(current.session, asked.question, limit=PAGE + 1, before=before)
    older = calls[PAGE - 1].event.id if len(calls) > PAGE else ""
    return Listed(calls[:PAGE], before, older, current.now, since if grows else "", state)


def _state(asked: Asked, since: str | None) -> str:
    """Changes whenever the first page does by what came since, which may have been under way before others came."""
    newest = queries.calls_in(current.session, asked.question, limit=PAGE, since=since)
    return crypto.digest(" ".join(call.event.id for call in newest))[:16]


@bp.get("/<call_id>")
@member("usage:read")
def show(call_id: str) -> ResponseReturnValue:
    """The one page of a call, by its receipt; what else names it leads there. What made no call has a page as well."""
    found = one_call.found(current.session, current.organisation, call_id)
    if not isinstance(found, UsageEvent):
        return _request(found, call_id)
    if found.id != call_id:
        return htmx.redirect(url_for("usage_calls.show", call_id=found.id))
    call = one_call.of_event(current.session, found)
    gateway_url = current.settings.gateway_url
    return htmx.render(
        "metering/call.html",
        call=call,
        event=found,
        its_hour=f"{found.at:%Y-%m-%dT%H}",
        command=snippets.again(call.integration, found.tool, definition=call.definition, gateway_url=gateway_url)
        if call.integration is not None
        else "",
        receipt=_receipt(found.id),
    )


def _request(found: Attempt | Crowd, request_id: str) -> ResponseReturnValue:
    addresses = {
        "keys_url": current.settings.portal_url + url_for("keys.index"),
        "gateway_url": current.settings.gateway_url,
        "operator": current.settings.operator,
    }
    return htmx.render(
        "metering/request.html",
        one=one_call.of_request(current.session, found, request_id, addresses=addresses),
        kept_hours=current.settings.attempts_kept_hours,
    )


def _receipt(receipt_id: str) -> str | None:
    """Signed with the key that gateways sign with; None before any has one, because reading makes nothing."""
    has_key = current.session.exec(select(SigningKey.id).where(col(SigningKey.retired_at).is_(None))).first()
    if has_key is None:
        return None
    opened = vault.from_settings(current.settings)
    return issuing.receipt_of(
        current.session, opened, organisation_id=current.organisation.id, receipt_id=receipt_id, now=current.now
    )


def _receipt_in(name: str) -> str | None:
    found = request.args.get(name)
    if found is not None and _RECEIPT.fullmatch(found) is None:
        raise Invalid(f"“{name}” must be a receipt, such as the last one of the page before.")
    return found
