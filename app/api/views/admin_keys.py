"""The page of admin keys: make one, see it once, revoke it."""

from datetime import timedelta
from uuid import UUID

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from app.accounts import again
from app.accounts.again import Danger
from app.api.forms import AdminKeyForm
from app.core.errors import Invalid, LimitReached, NotAllowed
from app.keys import admin_keys, admin_models, lifetimes
from app.organisations import roles
from app.organisations.guards import current, member
from app.web import htmx, paging

bp = Blueprint("api_keys", __name__, url_prefix="/organisation/api-keys")

PAGE = 50
USUAL_DAYS = "90"
MAKING = Danger("make an admin key", "api_keys.new")
TONES = {admin_models.LIVE: "ok", admin_models.EXPIRED: "warn", admin_models.REVOKED: "danger"}


@bp.get("/")
@member("api:write")
def index() -> ResponseReturnValue:
    page = paging.page_of(
        lambda limit, offset: admin_keys.admin_keys_of(
            current.session, current.organisation, limit=limit, offset=offset
        ),
        size=PAGE,
    )
    return htmx.render("api/index.html", page=page, tones=TONES, now=current.now)


@bp.get("/new")
@member("api:write")
def new() -> ResponseReturnValue:
    typed = again.typed("api_keys.create")
    form = _form(typed or None)
    if not typed:
        days = dict(form.days.choices)
        form.days.data = USUAL_DAYS if USUAL_DAYS in days else next(iter(days))
        form.role.data = roles.DEVELOPER
    return _page(form)


@bp.post("/")
@member("api:write", lately=MAKING)
def create() -> ResponseReturnValue:
    form = _form(request.form)
    if form.validate():
        days = int(form.days.data) if form.days.data else None
        try:
            key, secret = admin_keys.issue(
                current.session,
                organisation=current.organisation,
                name=form.name.data or "",
                role=form.role.data,
                makers_role=current.role,
                brand=current.settings.key_brand,
                expires_at=None if days is None else current.now + timedelta(days=days),
                person_id=current.person.id,
                now=current.now,
            )
        except (Invalid, LimitReached, NotAllowed) as refusal:
            form.name.errors = [*form.name.errors, refusal.message]
        else:
            return htmx.render("api/created.html", key=key, secret=secret, address=_address())
    return _page(form, status=422)


@bp.post("/<uuid:admin_key_id>/revoke")
@member("api:write")
def revoke(admin_key_id: UUID) -> ResponseReturnValue:
    key = admin_keys.admin_key_of(current.session, current.organisation, admin_key_id)
    admin_keys.revoke(current.session, key=key, person_id=current.person.id, now=current.now)
    flash(f"“{key.name}” was revoked. The API refuses it from now on.")
    return htmx.redirect(url_for("api_keys.index"))


def _form(sent: MultiDict[str, str] | None) -> AdminKeyForm:
    form = AdminKeyForm(formdata=sent)
    longest = lifetimes.longest_days(current.session, current.organisation.id)
    form.role.choices = [(role, role.capitalize()) for role in roles.given_by(current.role)]
    form.days.choices = [(str(days), lifetimes.in_words(days)) for days in lifetimes.offered(longest)]
    if longest is None:
        form.days.choices.append(("", "Until it is revoked"))
    return form


def _page(form: AdminKeyForm, *, status: int = 200) -> ResponseReturnValue:
    given = [(role, roles.DESCRIPTIONS[role]) for role in roles.given_by(current.role)]
    return htmx.render("api/new.html", status=status, form=form, given=given)


def _address() -> str:
    return f"{current.settings.portal_url}/api/v1"
