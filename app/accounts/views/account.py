"""Sessions and sign-in: where I am signed in, and with what."""

from uuid import UUID

from flask import Blueprint, flash, url_for
from flask.typing import ResponseReturnValue

from app.accounts import browsers, entrance, pending, queries, services
from app.accounts.again import Danger
from app.accounts.guards import current, signed_in, signed_in_lately
from app.accounts.models import THROUGH
from app.accounts.providers import OF_ORGANISATIONS
from app.accounts.views import sign_in
from app.core.errors import Conflict, Invalid, NotAllowed
from app.web import htmx, paging, session

bp = Blueprint("account", __name__, url_prefix="/account")

PAGE = 20
LINKING = Danger("add a way into your account", "account.confirm_link")
UNLINKING = Danger("take away a way into your account", lambda: url_for("account.index"))
OTHERS = {OF_ORGANISATIONS: "Single sign-on"}
"""What providers of organisations are called here."""


@bp.get("")
@signed_in
def index() -> ResponseReturnValue:
    lifetimes = queries.lifetimes(current.settings)
    page = paging.page_of(
        lambda limit, offset: queries.sessions_of(
            current.session,
            current.person,
            through=_through(),
            lifetimes=lifetimes,
            now=current.now,
            limit=limit,
            offset=offset,
        ),
        size=PAGE,
    )
    clients = entrance.current().clients
    return htmx.render(
        "accounts/account.html",
        sessions=[(row, browsers.in_words(row.user_agent), row.id == session.current().id) for row in page.rows],
        identities=queries.identities_of(current.session, current.person),
        clients=clients,
        provider_names=_names(),
        is_through=bool(_through()),
        page=page,
    )


@bp.post("/sessions/<uuid:session_id>/end")
@signed_in
def end_session(session_id: UUID) -> ResponseReturnValue:
    row = queries.session_of(
        current.session,
        current.person,
        session_id,
        through=_through(),
        lifetimes=queries.lifetimes(current.settings),
        now=current.now,
    )
    services.end_session(current.session, person=current.person, session_id=row.id, now=current.now)
    if row.id == session.current().id:
        return sign_in.leave()
    flash(f"{browsers.in_words(row.user_agent)} was signed out.")
    return htmx.redirect(url_for("account.index"))


@bp.post("/sessions/end-others")
@signed_in
def end_other_sessions() -> ResponseReturnValue:
    services.end_all_sessions(
        current.session, person=current.person, but=session.current().id, through=_through(), now=current.now
    )
    flash("Every other browser is signed out.")
    return htmx.redirect(url_for("account.index"))


@bp.post("/sessions/end-all")
@signed_in
def end_all_sessions() -> ResponseReturnValue:
    services.end_all_sessions(current.session, person=current.person, through=_through(), now=current.now)
    return sign_in.leave()


@bp.get("/sign-ins")
@signed_in
def sign_ins() -> ResponseReturnValue:
    page = paging.page_of(
        lambda limit, offset: queries.sign_ins_of(current.session, current.person, limit=limit, offset=offset),
        size=PAGE,
    )
    return htmx.render(
        "accounts/sign_ins.html",
        rows=[(row, browsers.in_words(row.client)) for row in page.rows],
        failed=queries.FAILED,
        again=queries.SIGNED_IN_AGAIN,
        provider_names=_names(),
        page=page,
    )


@bp.get("/link")
@signed_in
def confirm_link() -> ResponseReturnValue:
    claims = pending.offered_link(now=current.now)
    if claims is None:
        raise Invalid("There is nothing to link any more. Begin again on “Sessions and sign-in”.")
    return htmx.render("accounts/link.html", claims=claims, provider=_name(claims.provider))


@bp.post("/link")
@signed_in_lately(LINKING)
def link() -> ResponseReturnValue:
    _refuse_through()
    claims = pending.offered_link(now=current.now)
    pending.forget_link()
    if claims is None:
        flash("That took longer than ten minutes, so nothing was linked. Begin again.", "warn")
        return htmx.redirect(url_for("account.index"))
    try:
        identity = services.link(current.session, person=current.person, claims=claims, now=current.now)
    except Conflict as refusal:
        flash(refusal.message, "error")
    else:
        flash(f"“{identity.label}” at {_name(identity.provider)} now opens your account too.")
    return htmx.redirect(url_for("account.index"))


@bp.post("/identities/<uuid:identity_id>/unlink")
@signed_in_lately(UNLINKING)
def unlink(identity_id: UUID) -> ResponseReturnValue:
    _refuse_through()
    identity = queries.identity_of(current.session, current.person, identity_id)
    try:
        services.unlink(current.session, person=current.person, identity=identity, now=current.now)
    except Conflict as refusal:
        flash(refusal.message, "error")
    else:
        flash(f"“{identity.label}” at {_name(identity.provider)} no longer opens your account.")
    return htmx.redirect(url_for("account.index"))


def _through() -> str:
    """Of the session that is looking: what queries.of_kind takes."""
    return str(session.current().get(THROUGH, ""))


def _refuse_through() -> None:
    """Whoever runs an organisation's provider must not get at other ways into the account by it."""
    if _through():
        raise NotAllowed("You came in by your organisation’s own sign-in. Sign in another way to change this.")


def _name(provider: str) -> str:
    return _names().get(provider, provider)


def _names() -> dict[str, str]:
    return OTHERS | {name: client.provider.short_name for name, client in entrance.current().clients.items()}
