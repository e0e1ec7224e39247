"""The organisations that one belongs to: which there are, one more, and going from one to another."""

from flask import Blueprint, flash, request, session, url_for
from flask.typing import ResponseReturnValue

from app.accounts.guards import current, signed_in
from app.accounts.models import THROUGH
from app.core import uuids
from app.core.errors import Conflict, Invalid, LimitReached, NotAllowed, NotFound
from app.organisations import queries, services
from app.organisations.guards import CHOSEN
from app.organisations.guards import for_templates as here
from app.organisations.models import Organisation
from app.team import opening
from app.team.forms import NewForm
from app.web import htmx, paging

bp = Blueprint("organisations", __name__, url_prefix="/organisations")

PAGE = 50


@bp.get("/")
@signed_in
def index() -> ResponseReturnValue:
    if session.get(THROUGH):
        own = here.here
        return htmx.render("team/organisations.html", page=paging.Page([here.place] if own else [], 1, has_next=False))
    page = paging.page_of(
        lambda limit, offset: queries.places_of(current.session, current.person.id, limit=limit, offset=offset),
        size=PAGE,
    )
    return htmx.render("team/organisations.html", page=page)


@bp.get("/new")
@signed_in
def new() -> ResponseReturnValue:
    return htmx.render("team/new.html", form=NewForm())


@bp.post("/")
@signed_in
def create() -> ResponseReturnValue:
    refuse_through()
    form = NewForm()
    if form.validate():
        try:
            made = services.create(current.session, name=form.name.data or "", person=current.person, now=current.now)
        except (Invalid, LimitReached, Conflict) as refusal:
            form.name.errors = [*form.name.errors, refusal.message]
        else:
            opening.equip(current.session, organisation=made, now=current.now)
            go_to(made)
            flash(f"“{made.name}” is yours. Invite people, or make its first key.")
            return htmx.redirect(url_for("organisation.index"))
    return htmx.render("team/new.html", status=422, form=form)


@bp.post("/switch")
@signed_in
def switch() -> ResponseReturnValue:
    wanted = uuids.read(request.form.get("organisation_id", ""))
    if wanted is None:
        raise NotFound("You belong to no such organisation.")
    organisation, _ = queries.place_of(current.session, current.person.id, wanted)
    go_to(organisation)
    return htmx.leave(url_for("home.index"))


def refuse_through() -> None:
    """A session that began with an organisation's own provider opens that one, and reaches no other."""
    if session.get(THROUGH):
        raise NotAllowed("You came in by your organisation’s own sign-in, which opens it alone. Sign in another way.")


def go_to(organisation: Organisation) -> None:
    """From now on this browser shows that one."""
    session[CHOSEN] = str(organisation.id)
