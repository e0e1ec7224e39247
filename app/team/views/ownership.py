"""Giving an organisation to another member, and leaving it."""

from flask import flash, request, session, url_for
from flask.typing import ResponseReturnValue

from app.accounts import again
from app.accounts import queries as accounts
from app.accounts.again import Danger
from app.core import uuids
from app.core.errors import Conflict, NotFound
from app.keys import queries as keys
from app.organisations import members, ownership, queries, roles
from app.organisations.guards import CHOSEN, current, member
from app.team.views.settings import bp
from app.web import htmx, paging

PAGE = 50
GIVING = Danger("give the organisation to somebody else", "organisation.transfer")


@bp.get("/transfer")
@member("ownership:write")
def transfer() -> ResponseReturnValue:
    page = paging.page_of(
        lambda limit, offset: members.of(current.session, current.organisation, limit=limit, offset=offset),
        size=PAGE,
    )
    others = [one for one in page.rows if one.person.id != current.person.id]
    typed = again.typed("organisation.give")
    return htmx.render("team/transfer.html", others=others, page=page, chosen=typed.get("person_id", ""))


@bp.post("/transfer")
@member("ownership:write", lately=GIVING)
def give() -> ResponseReturnValue:
    person_id = uuids.read(request.form.get("person_id", ""))
    if person_id is None:
        flash("Choose to whom.", "error")
        return htmx.redirect(url_for("organisation.transfer"))
    taker = accounts.person(current.session, person_id)
    if taker is None:
        raise NotFound("There is no such member in this organisation.")
    ownership.transfer(
        current.session, organisation=current.organisation, giver=current.person, taker=taker, now=current.now
    )
    flash(f"“{current.organisation.name}” belongs to {taker.name} now, who was told by mail. You are an admin.")
    return htmx.redirect(url_for("organisation.index"))


@bp.get("/leave")
@member("organisation:read")
def ask_to_leave() -> ResponseReturnValue:
    owners = queries.count_members(current.session, current.organisation, role=roles.OWNER)
    return htmx.render(
        "team/leave.html",
        is_last=current.role == roles.OWNER and owners == 1,
        keys=keys.count_working_of(current.session, current.organisation, current.person.id, now=current.now),
        members=queries.count_members(current.session, current.organisation),
    )


@bp.post("/leave")
@member("organisation:read")
def leave() -> ResponseReturnValue:
    left = current.organisation
    try:
        ownership.leave(current.session, organisation=left, person=current.person, now=current.now)
    except Conflict as refusal:
        flash(refusal.message, "error")
        return htmx.redirect(url_for("organisation.ask_to_leave"))
    session.pop(CHOSEN, None)
    flash(f"You left “{left.name}”.")
    return htmx.leave(url_for("organisations.index"))
