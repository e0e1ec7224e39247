"""The page of keys: make one, see it once, revoke it."""

from uuid import UUID

from flask import Blueprint, flash, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import Invalid, LimitReached
from app.keys import models, queries, services
from app.keys.forms import KeyForm
from app.organisations.guards import current, member
from app.web import htmx, paging

bp = Blueprint("keys", __name__, url_prefix="/keys")

PAGE = 50
TONES = {models.LIVE: "ok", models.DISABLED: "warn", models.EXPIRED: "warn", models.REVOKED: "danger"}


@bp.get("/")
@member("keys:read")
def index() -> ResponseReturnValue:
    page = paging.page_of(
        lambda limit, offset: queries.keys_of(current.session, current.organisation, limit=limit, offset=offset),
        size=PAGE,
    )
    return htmx.render("keys/index.html", page=page, tones=TONES)


@bp.get("/new")
@member("keys:write")
def new() -> ResponseReturnValue:
    return htmx.render("keys/new.html", form=KeyForm())


@bp.post("/")
@member("keys:write")
def create() -> ResponseReturnValue:
    form = KeyForm()
    if form.validate():
        try:
            issued = services.issue(
                current.session,
                organisation=current.organisation,
                name=form.name.data or "",
                brand=current.settings.key_brand,
                person_id=current.person.id,
                now=current.now,
            )
        except (Invalid, LimitReached) as refusal:
            form.name.errors = [*form.name.errors, refusal.message]
        else:
            return htmx.render("keys/created.html", key=issued.key, secret=issued.secret)
    return htmx.render("keys/new.html", status=422, form=form)


@bp.post("/<uuid:key_id>/revoke")
@member("keys:write")
def revoke(key_id: UUID) -> ResponseReturnValue:
    key = queries.key_of(current.session, current.organisation, key_id)
    services.revoke(current.session, key=key, person_id=current.person.id, now=current.now)
    flash(f"“{key.name}” was revoked. Calls with it stop within a second.")
    if htmx.wants_fragment():
        return htmx.render("keys/index.html", block="row", key=key, tones=TONES)
    return htmx.redirect(url_for("keys.index"))
