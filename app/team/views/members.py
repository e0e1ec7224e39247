"""Who belongs to the organisation, and as what; changing that, and taking somebody out."""

from uuid import UUID

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts import again
from app.accounts.again import Danger
from app.core.errors import Conflict
from app.keys import queries as keys
from app.organisations import inviting, members, roles
from app.organisations.guards import current, member
from app.organisations.members import Member
from app.team import seating
from app.web import htmx, paging

bp = Blueprint("members", __name__, url_prefix="/organisation/members")

PAGE = 50
INVITED = 20
TONES = {"open": "ok", "used up": "neutral", "expired": "warn", "revoked": "danger"}


def gives_much() -> bool:
    """Whether the form that was sent lets somebody run the organisation; its role may stand behind a prefix."""
    return any(value in roles.RUNNERS for name, value in request.form.items() if name.rpartition("-")[2] == "role")


GIVING_MUCH = Danger("make somebody an owner or admin", "members.show", gives_much)


@bp.get("/")
@member("members:read")
def index() -> ResponseReturnValue:
    session, organisation = current.session, current.organisation
    page = paging.page_of(
        lambda limit, offset: members.of(session, organisation, limit=limit, offset=offset), size=PAGE
    )
    return htmx.render(
        "team/members.html",
        page=page,
        seats=seating.of(session, organisation, now=current.now),
        invitations=inviting.of(session, organisation, limit=INVITED + 1) if current.may("members:write") else [],
        most=INVITED,
        tones=TONES,
        descriptions=roles.DESCRIPTIONS,
    )


@bp.get("/<uuid:person_id>")
@member("members:read")
def show(person_id: UUID) -> ResponseReturnValue:
    typed = again.typed("members.change_role")
    return _page(_member(person_id), role=typed.get("role"))


@bp.post("/<uuid:person_id>/role")
@member("members:write", lately=GIVING_MUCH)
def change_role(person_id: UUID) -> ResponseReturnValue:
    found = _member(person_id)
    try:
        members.change_role(
            current.session,
            organisation=current.organisation,
            member=found,
            role=request.form.get("role", ""),
            by=current.actor,
            now=current.now,
        )
    except Conflict as refusal:
        flash(refusal.message, "error")
    else:
        flash(f"{found.person.name} is {found.membership.role} now.")
    return htmx.redirect(url_for("members.show", person_id=person_id))


@bp.get("/<uuid:person_id>/remove")
@member("members:write")
def ask_to_remove(person_id: UUID) -> ResponseReturnValue:
    found = _member(person_id)
    made = keys.count_working_of(current.session, current.organisation, found.person.id, now=current.now)
    return htmx.render("team/remove.html", member=found, keys=made)


@bp.post("/<uuid:person_id>/remove")
@member("members:write")
def remove(person_id: UUID) -> ResponseReturnValue:
    found = _member(person_id)
    try:
        members.remove(
            current.session,
            organisation=current.organisation,
            member=found,
            by=current.actor,
            now=current.now,
        )
    except Conflict as refusal:
        flash(refusal.message, "error")
        return htmx.redirect(url_for("members.show", person_id=person_id))
    flash(f"{found.person.name} does not belong to “{current.organisation.name}” any more. Its keys go on working.")
    return htmx.redirect(url_for("members.index"))


def _member(person_id: UUID) -> Member:
    return members.one(current.session, current.organisation, person_id)


def _page(found: Member, *, role: str | None = None) -> ResponseReturnValue:
    may_change = current.may("members:write") and roles.covers(current.role, found.membership.role)
    return htmx.render(
        "team/member.html",
        member=found,
        keys=keys.count_working_of(current.session, current.organisation, found.person.id, now=current.now),
        may_change=may_change,
        chosen=role or found.membership.role,
        choices=roles.given_by(current.role) if may_change else [],
        descriptions=roles.DESCRIPTIONS,
    )
