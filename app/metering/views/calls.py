"""Calls: those behind a figure, newest first, by the same question as on the usage page; and each by itself."""

import re

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import col, select

from app.core import vault
from app.core.errors import Invalid
from app.integrations import snippets
from app.metering import issuing, one_call, queries
from app.metering.models import Attempt, Crowd, UsageEvent
from app.metering.proof_models import SigningKey
from app.metering.views import asking, choices
from app.organisations.guards import current, member
from app.web import htmx

bp = Blueprint("usage_calls", __name__, url_prefix="/usage/calls")

PAGE = 25
_RECEIPT = re.compile(r"rcp_[0-9A-HJKMNP-TV-Z]{26}")


@bp.get("/")
@member("usage:read")
def index() -> ResponseReturnValue:
    wanted = request.args.get("call", "").strip()
    if wanted:
        return htmx.redirect(url_for("usage_calls.show", call_id=wanted))
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


def _before() -> str | None:
    before = request.args.get("before")
    if before is not None and _RECEIPT.fullmatch(before) is None:
        raise Invalid("“before” must be a receipt, such as the last one of the page before.")
    return before
