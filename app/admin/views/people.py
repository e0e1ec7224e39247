"""Everybody who ever signed in: finding them, signing one out, and what the law lets them ask for."""

import json
from uuid import UUID

from flask import Blueprint, Response, flash, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts import again
from app.accounts import queries as accounts
from app.accounts.again import Danger
from app.accounts.guards import current, operator, operator_lately
from app.accounts.models import Person
from app.admin import erasing, exporting, people
from app.core.errors import Conflict
from app.web import htmx, paging

bp = Blueprint("operator_people", __name__, url_prefix="/operator/people")

PAGE = 50
LONGEST = 200
EXPORTING = Danger("export what is kept of somebody", "operator_people.show")
ERASING = Danger("erase somebody", "operator_people.erase_form")


@bp.get("/")
@operator
def index() -> ResponseReturnValue:
    text = request.args.get("q", "").strip()[:LONGEST]
    page = paging.page_of(
        lambda limit, offset: people.search(current.session, text, limit=limit, offset=offset), size=PAGE
    )
    return htmx.render("admin/people.html", text=text, page=page)


@bp.get("/<uuid:person_id>")
@operator
def show(person_id: UUID) -> ResponseReturnValue:
    person = people.one(current.session, person_id)
    lifetimes = accounts.lifetimes(current.settings)
    return htmx.render(
        "admin/person.html",
        person=person,
        identities=accounts.identities_of(current.session, person),
        memberships=people.memberships_of(current.session, person),
        page=paging.page_of(
            lambda limit, offset: accounts.sessions_of(
                current.session, person, lifetimes=lifetimes, now=current.now, limit=limit, offset=offset
            ),
            size=PAGE,
        ),
    )


@bp.post("/<uuid:person_id>/sign-out")
@operator
def sign_out(person_id: UUID) -> ResponseReturnValue:
    person = people.one(current.session, person_id)
    ended = people.sign_out(current.session, person=person, operator_id=current.person.id, now=current.now)
    flash(f"{person.name} was signed out of {ended} browser{'' if ended == 1 else 's'}.")
    return htmx.redirect(url_for("operator_people.show", person_id=person.id))


@bp.post("/<uuid:person_id>/export.json")
@operator_lately(EXPORTING)
def export(person_id: UUID) -> ResponseReturnValue:
    person = people.one(current.session, person_id)
    found = exporting.export(current.session, person)
    people.tell(current.session, person, "person.exported", {}, operator_id=current.person.id, now=current.now)
    answer = Response(json.dumps(found, indent=2, ensure_ascii=False) + "\n", mimetype="application/json")
    answer.headers["Content-Disposition"] = f'attachment; filename="person-{person.id}.json"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


@bp.get("/<uuid:person_id>/erase")
@operator_lately(ERASING)
def erase_form(person_id: UUID) -> ResponseReturnValue:
    typed = again.typed("operator_people.erase")
    return _erase_page(people.one(current.session, person_id), typed=typed.get("name", ""))


@bp.post("/<uuid:person_id>/erase")
@operator_lately(ERASING)
def erase(person_id: UUID) -> ResponseReturnValue:
    person = people.one(current.session, person_id)
    name, typed = person.name, request.form.get("name", "")
    if " ".join(typed.split()) != " ".join(name.split()):
        return _erase_page(person, typed=typed, problem=f"Type the name, “{name}”, to be sure.")
    try:
        erasing.erase(current.session, person=person, operator_id=current.person.id, now=current.now)
    except Conflict as problem:
        return _erase_page(person, typed=typed, problem=problem.message)
    flash(f"{name} is erased.")
    return htmx.redirect(url_for("operator_people.index"))


def _erase_page(person: Person, *, typed: str = "", problem: str = "") -> ResponseReturnValue:
    return htmx.render(
        "admin/erase.html",
        status=422 if problem else 200,
        person=person,
        memberships=people.memberships_of(current.session, person),
        ownerless=erasing.left_ownerless(current.session, person),
        typed=typed,
        problem=problem,
    )
