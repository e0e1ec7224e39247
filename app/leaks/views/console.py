"""What leaked, what is to be done with it, and the drill."""

from uuid import UUID

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue

from app.core import uuids
from app.core.errors import Conflict, Invalid
from app.keys import admin_keys
from app.keys import queries as keys
from app.keys import services as key_services
from app.leaks import drill, models, queries, reports, services, words
from app.leaks.forms import PolicyForm
from app.organisations.guards import current, member
from app.web import database, htmx, paging

bp = Blueprint("leaks", __name__, url_prefix="/keys/leaks")

PAGE = 50
TONES = {models.REVOKED: "ok", models.DISABLED: "ok", models.ENDED: "ok", models.TOLD: "danger"}


@bp.get("/")
@member("keys:read")
def index() -> ResponseReturnValue:
    key_id = _key_asked_for()
    page = paging.page_of(
        lambda limit, offset: queries.finds_of(
            current.session, current.organisation, key_id=key_id, limit=limit, offset=offset
        ),
        size=PAGE,
    )
    return htmx.render(
        "leaks/index.html",
        page=page,
        keys=keys.keys_by_id(current.session, current.organisation, [one.key_id for one in page.rows if one.key_id]),
        admin_keys=admin_keys.by_id(
            current.session, current.organisation, [one.admin_key_id for one in page.rows if one.admin_key_id]
        ),
        key=keys.key_of(current.session, current.organisation, key_id) if key_id else None,
        drills=queries.drills_of(current.session, current.organisation, limit=1),
        act=queries.act_of(current.session, current.organisation.id),
        words=words,
        tones=TONES,
        is_web_address=reports.is_web_address,
    )


@bp.post("/<uuid:key_id>/enable")
@member("keys:write")
def enable(key_id: UUID) -> ResponseReturnValue:
    key = keys.key_of(current.session, current.organisation, key_id)
    key_services.enable(current.session, key=key, person_id=current.person.id, now=current.now)
    flash(f"“{key.name}” works again within a second, for whoever found it too.", "warn")
    return htmx.redirect(url_for("leaks.index"))


@bp.get("/policy")
@member("organisation:write")
def policy() -> ResponseReturnValue:
    act = queries.act_of(current.session, current.organisation.id)
    return _policy(PolicyForm(act=act))


@bp.post("/policy")
@member("organisation:write")
def choose() -> ResponseReturnValue:
    form = PolicyForm()
    if not form.validate():
        return _policy(form, status=422)
    try:
        services.choose(
            current.session,
            organisation=current.organisation,
            act=form.act.data or "",
            person_id=current.person.id,
            now=current.now,
        )
    except Conflict:
        flash("Nothing was changed.")
    else:
        flash("Saved. It holds for what is found from now on.")
    return htmx.redirect(url_for("leaks.index"))


@bp.post("/drill")
@member("keys:write")
def begin_drill() -> ResponseReturnValue:
    organisation_id, person_id = current.organisation.id, current.person.id
    database.let_go()
    held = drill.hold(database.own_transaction, current.settings, organisation_id=organisation_id, person_id=person_id)
    return htmx.redirect(url_for("leaks.show_drill", drill_id=held))


@bp.get("/drill/<uuid:drill_id>")
@member("keys:read")
def show_drill(drill_id: UUID) -> ResponseReturnValue:
    held = queries.drill_of(current.session, current.organisation, drill_id)
    return htmx.render("leaks/drill.html", drill=held, words=words)


def _policy(form: PolicyForm, *, status: int = 200) -> ResponseReturnValue:
    return htmx.render("leaks/policy.html", status=status, form=form, words=words)


def _key_asked_for() -> UUID | None:
    """`?key=`: the finds of one key alone."""
    text = request.args.get("key")
    if not text:
        return None
    key_id = uuids.read(text)
    if key_id is None:
        raise Invalid("“key” must be the id of a key.")
    return key_id
