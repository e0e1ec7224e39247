"""Signing in by an organisation's own provider: found by the address, then out to it and back.

What begins so opens that organisation alone, whatever else the account belongs to: whoever runs the provider could say
of anybody that they are back, and must gain nothing elsewhere by it (docs/adr/0024).
"""

from typing import cast
from uuid import UUID

from flask import Blueprint, Response, current_app, make_response, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from app.accounts import pending
from app.accounts import services as people
from app.accounts.guards import current
from app.accounts.models import THROUGH
from app.accounts.pending import Begun
from app.accounts.services import Claims
from app.accounts.views import sign_in
from app.core.errors import Invalid, NotAllowed, NotFound, PosternError
from app.organisations import members, providers, queries
from app.organisations.guards import CHOSEN
from app.organisations.models import Organisation
from app.organisations.provider_models import OwnProvider
from app.team import seating
from app.team.connecting import Clients
from app.web import htmx
from app.web.guards import public
from app.web.paths import own_path

bp = Blueprint("sso", __name__, url_prefix="/sign-in/sso")
EXTENSION = "postern.own_providers"


def clients() -> Clients:
    """Those of this portal."""
    return cast(Clients, current_app.extensions[EXTENSION])


def redirect_uri(provider_id: UUID) -> str:
    """One for each provider, so that none can pass an answer of another's off as its own (RFC 9700, 4.4.2)."""
    return current.settings.portal_url + url_for("sso.callback", provider_id=provider_id)


@bp.get("")
@public
def index() -> ResponseReturnValue:
    return htmx.render("team/sso.html", email="", problem="", next_path=own_path(request.args.get("next")))


@bp.post("")
@public
def find() -> ResponseReturnValue:
    """Whose provider it is, and the way there: a link, since forms may not lead to other hosts here."""
    sign_in.count_try("sso")
    email, next_path = request.form.get("email", "").strip()[:254], own_path(request.form.get("next"))
    try:
        provider, organisation = providers.for_address(current.session, email)
    except (Invalid, NotFound) as refusal:
        return htmx.render("team/sso.html", status=422, email=email, problem=refusal.message, next_path=next_path)
    return htmx.render("team/sso_found.html", provider=provider, organisation=organisation, next_path=next_path)


@bp.get("/<uuid:provider_id>")
@public
def start(provider_id: UUID) -> ResponseReturnValue:
    """Off to the provider. With ?link=1, to link what comes back to the account that is signed in; with ?again=1, to
    show once more that it is the same person, in a session that began with it.
    """
    provider, _ = providers.by_id(current.session, provider_id)
    return sign_in.go(
        lambda: clients().of(provider),
        name=_name(provider),
        redirect_uri=redirect_uri(provider.id),
        again_url=_again_url(provider),
        may_confirm=session.get(THROUGH) == str(provider.id),
    )


@bp.get("/<uuid:provider_id>/callback")
@public
def callback(provider_id: UUID) -> ResponseReturnValue:
    """Back from the provider, with a code or with a reason why not."""
    provider, organisation = providers.by_id(current.session, provider_id)
    sign_in.count_try("callback")
    begun = pending.finish(request.args.get("state", ""), now=current.now)
    claims = None
    try:
        if begun is None or begun.provider != _name(provider):
            raise Invalid("This sign-in was not begun in this browser, or took longer than ten minutes. Try again.")
        claims = sign_in.claims_of(clients().of(provider), begun, redirect_uri(provider.id))
        providers.check_claims(current.session, provider, claims)
        if begun.link_for is not None:
            return sign_in.offer_link(begun, claims)
        if begun.again_for is not None:
            return sign_in.confirm(begun, claims, provider=provider.label)
        return _enter(provider, organisation, begun, claims)
    except PosternError as problem:
        return sign_in.refused(problem, begun, name=providers.KIND, claims=claims, again_url=_again_url(provider))


def _enter(provider: OwnProvider, organisation: Organisation, begun: Begun, claims: Claims) -> Response:
    entered = people.enter(current.session, claims=claims, now=current.now)
    _let_in(provider, organisation, entered)
    sign_in.log_in(entered, claims)
    session[THROUGH], session[CHOSEN] = str(provider.id), str(organisation.id)
    return make_response(redirect(begun.next_path or url_for("home.index"), code=303))


def _let_in(provider: OwnProvider, organisation: Organisation, entered: people.Entered) -> None:
    """As a member, who they become by coming in for the first time; not again once they were taken out."""
    person = entered.person
    if queries.is_member(current.session, person.id, organisation.id):
        return
    if members.was_removed(current.session, organisation.id, person.id):
        raise NotAllowed(f"You were taken out of “{organisation.name}”. Ask whoever runs it to invite you again.")
    seats = seating.of(current.session, organisation, now=current.now)
    members.join(
        current.session,
        organisation=organisation,
        person=person,
        role=provider.default_role,
        seats=seats.most,
        how=f"by signing in with {provider.label}",
        now=current.now,
    )


def _again_url(provider: OwnProvider) -> str:
    return url_for("sso.start", provider_id=provider.id)


def _name(provider: OwnProvider) -> str:
    """How a sign-in that is under way remembers it."""
    return f"{providers.KIND}:{provider.id}"
