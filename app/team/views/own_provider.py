"""Single sign-on of the organisation: its own identity provider, its domains, and whether it is required."""

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts import again
from app.accounts.again import Danger
from app.core import dns_txt, net, vault
from app.core.errors import Conflict, Invalid, LimitReached, PosternError, Unavailable
from app.organisations import domains, providers
from app.organisations.guards import current, member
from app.organisations.provider_models import OwnProvider
from app.organisations.providers import Connection
from app.team.own_provider_forms import DomainForm, ProviderForm
from app.team.views import sso
from app.web import database, htmx

bp = Blueprint("own_provider", __name__, url_prefix="/organisation/sign-in")

REFUSED = (Invalid, Conflict, LimitReached)
CHANGING = Danger("change how people sign in", lambda: url_for("own_provider.index"))


@bp.get("/")
@member("sso:write")
def index() -> ResponseReturnValue:
    sent, domain = again.typed("own_provider.connect"), again.typed("own_provider.add_domain")
    return _page(form=ProviderForm(formdata=sent) if sent else None, domain_form=DomainForm(formdata=domain or None))


@bp.post("/provider")
@member("sso:write", lately=CHANGING)
def connect() -> ResponseReturnValue:
    form = ProviderForm()
    if form.validate():
        try:
            providers.put(
                current.session,
                organisation=current.organisation,
                to=Connection(
                    form.issuer.data or "",
                    form.client_id.data or "",
                    form.client_secret.data or "",
                    form.label.data or "",
                    form.default_role.data or "",
                ),
                guard=net.from_settings(current.settings),
                safe=vault.from_settings(current.settings),
                person_id=current.person.id,
                now=current.now,
            )
        except (Invalid, Conflict) as refusal:
            form.issuer.errors = [*form.issuer.errors, refusal.message]
        else:
            flash("Saved. Test it now, before anybody relies on it.")
            return _back()
    return _page(form=form, status=422)


@bp.post("/provider/test")
@member("sso:write")
def test() -> ResponseReturnValue:
    provider = _provider()
    client = sso.clients().fresh(provider)
    database.let_go()
    provider.checked_at = current.now
    try:
        client.look()
    except PosternError as problem:
        cause = problem.__cause__
        provider.problem = (str(cause) if type(cause) is ValueError else problem.message)[:300]
        flash("The provider does not answer as it should. The page says what was wrong.", "error")
    else:
        provider.problem = ""
        flash("The provider answers, and its keys can be read.")
    current.session.add(provider)
    return _back()


@bp.post("/provider/remove")
@member("sso:write", lately=CHANGING)
def disconnect() -> ResponseReturnValue:
    providers.remove(current.session, provider=_provider(), person_id=current.person.id, now=current.now)
    flash("The provider was disconnected. Members stay members, and sign in another way.")
    return _back()


@bp.post("/require")
@member("sso:write", lately=CHANGING)
def require() -> ResponseReturnValue:
    is_required = request.form.get("to") == "on"
    _try(
        lambda: providers.require(
            current.session,
            provider=_provider(),
            is_required=is_required,
            person_id=current.person.id,
            now=current.now,
        ),
        "Members with your domains have to come in by it, from their next page on."
        if is_required
        else "Members may sign in as they like.",
    )
    return _back()


@bp.post("/domains")
@member("sso:write", lately=CHANGING)
def add_domain() -> ResponseReturnValue:
    form = DomainForm()
    if form.validate():
        try:
            made = domains.add(
                current.session,
                organisation=current.organisation,
                name=form.name.data or "",
                person_id=current.person.id,
                now=current.now,
            )
        except REFUSED as refusal:
            form.name.errors = [*form.name.errors, refusal.message]
        else:
            flash(f"Now put the record for {made.name} into your DNS, then look for it here.")
            return _back()
    return _page(domain_form=form, status=422)


@bp.post("/domains/<uuid:domain_id>/check")
@member("sso:write")
def check_domain(domain_id: UUID) -> ResponseReturnValue:
    domain = domains.one(current.session, current.organisation, domain_id)
    database.let_go()
    try:
        found = dns_txt.texts(domain.record_name, servers=current.settings.dns_servers)
        is_proven = domains.prove(
            current.session, domain=domain, found=found, person_id=current.person.id, now=current.now
        )
    except (Unavailable, Conflict, Invalid) as refusal:
        database.roll_back()
        flash(refusal.message, "error")
        return _back()
    if is_proven:
        flash(f"{domain.name} is proven.")
    else:
        flash(f"The record for {domain.name} is not there yet. DNS can take an hour; look again then.", "warn")
    return _back()


@bp.post("/domains/<uuid:domain_id>/remove")
@member("sso:write", lately=CHANGING)
def remove_domain(domain_id: UUID) -> ResponseReturnValue:
    domain = domains.one(current.session, current.organisation, domain_id)
    domains.remove(current.session, domain=domain, person_id=current.person.id, now=current.now)
    flash(f"{domain.name} was removed.")
    return _back()


def _provider() -> OwnProvider:
    found = providers.of(current.session, current.organisation.id)
    if found is None:
        raise Conflict("No provider is connected yet.")
    return found


def _try(act: Callable[[], None], words: str) -> None:
    try:
        act()
    except REFUSED as refusal:
        flash(refusal.message, "error")
    else:
        flash(words)


def _back() -> ResponseReturnValue:
    return htmx.redirect(url_for("own_provider.index"))


def _page(
    *, form: ProviderForm | None = None, domain_form: DomainForm | None = None, status: int = 200
) -> ResponseReturnValue:
    provider = providers.of(current.session, current.organisation.id)
    shown = form or ProviderForm(obj=provider, formdata=None)
    if form is None:
        shown.client_secret.data = ""
    return htmx.render(
        "team/own_provider.html",
        status=status,
        form=shown,
        domain_form=domain_form or DomainForm(formdata=None),
        provider=provider,
        domains=domains.of(current.session, current.organisation),
        redirect_uri=sso.redirect_uri(provider.id) if provider is not None else None,
        own_way=provider is not None and providers.must_use(current.session, provider, current.person),
    )
