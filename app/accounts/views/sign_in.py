"""Signing in: the buttons, the way out to a provider, the way back, and signing out."""

import logging
from collections.abc import Callable
from urllib.parse import urlsplit

import flask_login
from flask import Blueprint, Response, abort, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts import again, entrance, pending, services
from app.accounts.guards import Account, current, signed_in
from app.accounts.oauth import Client
from app.accounts.pending import Begun
from app.accounts.services import Claims, Entered
from app.accounts.views import tries
from app.core.errors import Invalid, PosternError, Unavailable
from app.web import database, htmx, session, session_secrets
from app.web.guards import public
from app.web.paths import own_path

bp = Blueprint("sign_in", __name__)
log = logging.getLogger(__name__)

CLEAR = '"cache", "storage"'
"""Clear-Site-Data on signing out (ASVS 14.3.1). Not "cookies": that reaches every site under the same domain."""


@bp.get("/sign-in")
@public
def index() -> ResponseReturnValue:
    next_path = own_path(request.args.get("next"))
    if current.visitor is not None and "other" not in request.args:
        return htmx.redirect(next_path or url_for(entrance.current().others_to))
    clients = entrance.current().clients
    return htmx.render("accounts/sign_in.html", next_path=next_path, clients=clients)


@bp.get("/sign-in/<name>")
@public
def start(name: str) -> ResponseReturnValue:
    """Off to the provider. With ?link=1, to link what comes back to the account that is signed in; with ?again=1, to
    show once more that it is the same person.
    """
    client = _client(name)
    return go(lambda: client, name=name, redirect_uri=_redirect_uri(name), again_url=_again_url(name))


@bp.get("/sign-in/<name>/callback")
@public
def callback(name: str) -> ResponseReturnValue:
    """Back from the provider, with a code or with a reason why not."""
    client = _client(name)
    count_try("callback")
    begun = pending.finish(request.args.get("state", ""), now=current.now)
    claims = None
    try:
        if begun is None or begun.provider != name:
            raise Invalid("This sign-in was not begun in this browser, or took longer than ten minutes. Try again.")
        claims = claims_of(client, begun, _redirect_uri(name))
        if begun.link_for is not None:
            return offer_link(begun, claims)
        if begun.again_for is not None:
            return confirm(begun, claims, provider=client.provider.short_name)
        return _enter(begun, claims)
    except PosternError as problem:
        return refused(problem, begun, name=name, claims=claims, again_url=_again_url(name))


@bp.post("/sign-out")
@signed_in
def sign_out() -> ResponseReturnValue:
    """End the session at the server, whoever else holds its cookie."""
    services.end_session(current.session, person=current.person, session_id=session.current().id, now=current.now)
    return leave()


def leave() -> Response:
    """To the landing page with nothing left in this browser."""
    session.current().end()
    response = htmx.leave("/")
    response.headers["Clear-Site-Data"] = CLEAR
    return response


def go(
    client: Callable[[], Client], *, name: str, redirect_uri: str, again_url: str, may_confirm: bool = True
) -> Response:
    """Off to a provider. client: may raise PosternError, as Client does. name: what `pending` knows the sign-in by.
    may_confirm: whether what comes back may show that whoever is signed in is still there.
    """
    elsewhere = _to_the_right_host()
    if elsewhere is not None:
        return elsewhere
    count_try("start")
    link_for = current.visitor if "link" in request.args else None
    again_for = current.visitor if "again" in request.args and may_confirm else None
    database.let_go()
    try:
        way_out = client().way_out(redirect_uri, max_age_s=again.longest_s() if again_for else None)
    except PosternError as problem:
        return _failed(problem, name=name, again_url=url_for("again.index") if again_for else again_url)
    begun = Begun(
        provider=name,
        nonce=way_out.nonce,
        code_verifier=way_out.code_verifier,
        next_path=own_path(request.args.get("next")),
        link_for=str(link_for.id) if link_for else None,
        again_for=str(again_for.id) if again_for else None,
    )
    pending.begin(way_out.state, begun, now=current.now)
    return htmx.leave(way_out.url)


def _to_the_right_host() -> Response | None:
    """The same page at the address that the portal is known by: the way back ends there, with its cookie."""
    if request.host == urlsplit(current.settings.portal_url).netloc:
        return None
    return htmx.leave(current.settings.portal_url + request.full_path)


def claims_of(client: Client, begun: Begun, redirect_uri: str) -> Claims:
    """Who came back. Raises Invalid for an answer that proves nothing, Unavailable as Client does."""
    if request.args.get("error"):
        raise Invalid(_refusal(client, request.args["error"]))
    code = request.args.get("code")
    if not code:
        raise Invalid(f"{client.provider.short_name} sent you back without an answer. Try again.")
    return client.way_back(
        code=code,
        issuer=request.args.get("iss"),
        redirect_uri=redirect_uri,
        nonce=begun.nonce,
        code_verifier=begun.code_verifier,
    )


def _refusal(client: Client, error: str) -> str:
    """What the provider's error code (RFC 6749, 4.1.2.1) means to the reader; its own words are never shown."""
    name = client.provider.short_name
    if error == "access_denied":
        return f"You did not let {name} tell us who you are, so nobody was signed in. Try again, or choose another way."
    return f"{name} could not sign you in. Try again in a moment."


def _enter(begun: Begun, claims: Claims) -> Response:
    door = entrance.current()
    entered = services.enter(current.session, claims=claims, now=current.now)
    is_invited = (begun.next_path or "").startswith(door.invitations)
    secrets = (
        door.welcome(current.session, entered.person, current.now, is_invited=is_invited) if entered.is_new else {}
    )
    log_in(entered, claims)
    for name, secret in secrets.items():
        session_secrets.put(name, secret)
    log.info(
        "sign_in.succeeded",
        extra={"person_id": entered.person.id, "provider": claims.provider, "is_new": entered.is_new},
    )
    if entered.is_new and not is_invited:
        return make_response(redirect(url_for(door.newcomers_to, next=begun.next_path), code=303))
    return make_response(redirect(begun.next_path or url_for(door.others_to), code=303))


def log_in(entered: Entered, claims: Claims) -> None:
    """Begin a session. From here on nothing can fail: a half-made account must not be signed in."""
    session.current().renew()
    flask_login.login_user(Account(entered.person))
    again.note(claims)


def confirm(begun: Begun, claims: Claims, *, provider: str) -> Response:
    """Somebody signed in again: back to what they were about to do. provider: its name for the reader."""
    if current.visitor is None or str(current.visitor.id) != begun.again_for:
        raise Invalid("You were signed out meanwhile. Sign in and try again.")
    services.confirm(current.session, person=current.visitor, claims=claims, now=current.now)
    asked = again.step_up(claims, provider=provider)
    if asked is not None and asked.endpoint is not None:
        flash(f"You signed in again. Send it once more to {asked.words}.")
    return make_response(redirect(asked.page if asked else url_for("account.index"), code=303))


def offer_link(begun: Begun, claims: Claims) -> Response:
    """Ask before linking: a page elsewhere could have sent the browser here with an account of its own."""
    if current.visitor is None or str(current.visitor.id) != begun.link_for:
        raise Invalid("You were signed out meanwhile, so nothing was linked. Sign in and try again.")
    pending.offer_link(claims, now=current.now)
    return make_response(redirect(url_for("account.confirm_link"), code=303))


def refused(
    problem: PosternError, begun: Begun | None, *, name: str, claims: Claims | None, again_url: str
) -> Response:
    """Undo what came back, tell whoever it was meant to be in their list of sign-ins, and show why.

    name: of the provider. claims: what it vouched for, if it came so far.
    """
    visitor_id = current.visitor.id if current.visitor is not None else None  # while this can still be read
    database.roll_back()
    with database.own_transaction() as own:
        services.note_failure(
            own, provider=name, claims=claims, visitor_id=visitor_id, why=problem.message, now=current.now
        )
    if begun is not None and begun.again_for is not None:
        again_url = url_for("again.index")
    return _failed(problem, name=name, again_url=again_url)


def _failed(problem: PosternError, *, name: str, again_url: str) -> Response:
    """A calm page that says why and offers to try again. name: of the provider, for the log."""
    cause = problem.__cause__
    reason = f"{type(cause).__name__}: {cause}"[:300] if cause is not None else problem.message
    log.warning("sign_in.failed", extra={"provider": name, "reason": reason})
    is_away = isinstance(problem, Unavailable)
    text = render_template(
        "accounts/sign_in_failed.html",
        message=problem.message,
        is_in=current.visitor is not None,
        again_url=again_url,
        has_others=len(entrance.current().clients) > 1,
        reference=current.request_id,
    )
    response = make_response(text, 503 if is_away else 400)
    if is_away:
        response.headers["Retry-After"] = "30"
    return htmx.varying(response)


def _client(name: str) -> Client:
    client = entrance.current().clients.get(name)
    if client is None:
        abort(404)
    return client


def _again_url(name: str) -> str:
    return url_for("sign_in.start", name=name)


def _redirect_uri(name: str) -> str:
    return current.settings.portal_url + url_for("sign_in.callback", name=name)


def count_try(purpose: str) -> None:
    """Refuse the address that signs in too often: each try costs a row here and two calls at the provider."""
    tries.count(
        f"sign-in {purpose}",
        most=current.settings.sign_ins_per_address,
        refusal="Too many sign-ins came from your address.",
    )
