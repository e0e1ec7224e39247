"""Your first call: the key, shown once; the commands with it in them; and each try as it arrives, explained."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import Blueprint, make_response, request, url_for
from flask.typing import ResponseReturnValue

from app.core import crypto
from app.core.errors import Invalid
from app.integrations import queries as integrations
from app.integrations import snippets
from app.keys import services as keys
from app.metering import queries, tries
from app.organisations.guards import current, member
from app.web import htmx, session_secrets
from app.web.paths import own_path

bp = Blueprint("first_call", __name__, url_prefix="/first-call")

SECRET = "first_secret"  # noqa: S105  (the name under which it is kept, not a secret)
STAND_IN = "YOUR_KEY"
SHOWN_FOR = timedelta(hours=1)
WATCHED_FOR = timedelta(minutes=30)
SHOWN = 8


@dataclass(frozen=True, slots=True)
class Watch:
    """The list of tries, and what it needs to ask again: since when (in seconds) it has, and whether it still does."""

    tries: list[tries.Try]
    state: str
    opened_at: int
    is_going_on: bool
    has_succeeded: bool


@bp.get("/")
@member("keys:read")
def index() -> ResponseReturnValue:
    return _page(session_secrets.take(SECRET), next_path=own_path(request.args.get("next")))


@bp.post("/")
@member("keys:write")
def new_key() -> ResponseReturnValue:
    """Another key, for somebody who left the page before they copied the first.

    At the page's own address, so that going back or reloading shows the page again, without the key.
    """
    issued = keys.issue(
        current.session,
        organisation=current.organisation,
        name=f"First call, {current.now:%-d %b %H:%M}",
        brand=current.settings.key_brand,
        person_id=current.person.id,
        now=current.now,
    )
    return _page(issued.secret)


@bp.get("/tries")
@member("usage:read")
def index_of_tries() -> ResponseReturnValue:
    """The tries alone: what the page asks for while it waits, and what a reader without JavaScript opens."""
    watch = _watch(_opened_at())
    if htmx.wants_fragment() and request.args.get("state") == watch.state and watch.is_going_on:
        return htmx.varying(make_response("", 204))
    return htmx.render("metering/tries.html", block="tries", watch=watch)


def _page(secret: str | None, *, next_path: str | None = None) -> ResponseReturnValue:
    """next_path: where whoever signed up was going."""
    offered = integrations.enabled(current.session)
    sample = integrations.sample(current.session)
    gateway_url = current.settings.gateway_url
    made = snippets.for_first_call(sample, gateway_url=gateway_url, secret=secret or STAND_IN) if sample else []
    return htmx.render(
        "metering/first_call.html",
        secret=secret,
        next_path=next_path,
        sample=sample,
        others=[one for one in offered if sample is None or one.id != sample.id],
        snippet_tabs=[{"id": one.slug, "label": one.label, "where": one.where, "code": one.code} for one in made],
        gateway_url=gateway_url,
        watch=_watch(current.now),
    )


def _tries(*, is_newcomer: bool) -> list[tries.Try]:
    """is_newcomer: nothing went well yet, so refused tries from the reader's address that fit nobody are shown too."""
    secret_key = current.settings.secret_key.get_secret_value()
    here = crypto.keyed_digest(secret_key, "address", request.remote_addr or "")
    since = current.now - SHOWN_FOR
    return tries.newest_first(
        queries.calls_of(current.session, current.organisation, limit=SHOWN, since=since),
        queries.attempts_of(
            current.session,
            current.organisation,
            address_digest=here if is_newcomer else None,
            since=since,
            limit=SHOWN,
        ),
        keys_url=current.settings.portal_url + url_for("keys.index"),
        gateway_url=current.settings.gateway_url,
        operator=current.settings.operator,
    )[:SHOWN]


def _watch(opened_at: datetime) -> Watch:
    has_succeeded = queries.has_succeeded(current.session, current.organisation)
    found = _tries(is_newcomer=not has_succeeded)
    return Watch(
        tries=found,
        state=tries.state_of(found),
        opened_at=int(opened_at.timestamp()),
        is_going_on=opened_at + WATCHED_FOR > current.now,
        has_succeeded=has_succeeded,
    )


def _opened_at() -> datetime:
    seconds = request.args.get("since", type=int)
    if seconds is None:
        return current.now
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        raise Invalid("“since” must be a moment in seconds.") from None
