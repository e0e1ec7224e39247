"""Coming in by an invitation, with whatever account one signs in with."""

from flask import Blueprint, flash, url_for
from flask.typing import ResponseReturnValue

from app.accounts import entrance
from app.accounts.guards import current, signed_in
from app.organisations import inviting, queries, roles
from app.organisations.models import Organisation
from app.team import seating
from app.team.views import organisations
from app.web import htmx
from app.web.guards import public

bp = Blueprint("invitations", __name__, url_prefix="/invitations")
PATH = "/invitations/"


@bp.get("/<token>")
@public
def show(token: str) -> ResponseReturnValue:
    invitation, organisation = inviting.found(current.session, token, now=current.now)
    visitor = current.visitor
    seats = seating.of(current.session, organisation, now=current.now)
    response = htmx.render(
        "team/invitation.html",
        invitation=invitation,
        organisation=organisation,
        words=roles.DESCRIPTIONS[invitation.role],
        token=token,
        visitor=visitor,
        belongs=visitor is not None and _belongs(organisation),
        is_full=bool(seats.most) and seats.taken >= seats.most,
        clients=entrance.current().clients,
        next_path=url_for("invitations.show", token=token),
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.post("/<token>")
@signed_in
def accept(token: str) -> ResponseReturnValue:
    organisations.refuse_through()
    _, organisation = inviting.found(current.session, token, now=current.now)
    seats = seating.of(current.session, organisation, now=current.now)
    joined, membership = inviting.accept(
        current.session, token=token, person=current.person, seats=seats.most, now=current.now
    )
    organisations.go_to(joined)
    flash(f"Welcome to “{joined.name}”. You are {membership.role} here: {roles.DESCRIPTIONS[membership.role]}")
    return htmx.leave(url_for("home.index"))


def _belongs(organisation: Organisation) -> bool:
    return queries.is_member(current.session, current.person.id, organisation.id)
