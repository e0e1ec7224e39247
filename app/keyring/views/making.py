"""Make a key, and see it once."""

from typing import cast

from flask import request
from flask.typing import ResponseReturnValue

from app.core.errors import Conflict, Invalid, LimitReached
from app.keyring import making, reach
from app.keyring.forms import KeyForm
from app.keyring.views import console
from app.keyring.views.console import bp
from app.keys.tokens import Environment
from app.organisations.guards import current, member
from app.web import htmx


@bp.get("/new")
@member("keys:write")
def new() -> ResponseReturnValue:
    form = KeyForm()
    console.offer(form)
    asked = request.args.get("owner", "")
    form.owner.data = asked if asked in {choice.value for choice in form.owner.choices} else str(current.person.id)
    return _form(form)


@bp.post("/")
@member("keys:write")
def create() -> ResponseReturnValue:
    form = KeyForm()
    console.offer(form)
    _fill_in(form)
    if form.validate():
        try:
            return _made(form)
        except (Conflict, Invalid, LimitReached) as refusal:
            if not form.errors:
                form.form_errors.append(refusal.message)
    return _form(form, status=422)


def _made(form: KeyForm) -> ResponseReturnValue:
    session, organisation, currency = current.session, current.organisation, console.currency()
    issued = making.make(
        session,
        organisation=organisation,
        name=form.name.data or "",
        brand=current.settings.key_brand,
        environment=cast(Environment, form.environment.data),
        on=form.terms(reach.offered(session, organisation), now=current.now),
        owner=form.whose(),
        per_minute=form.rate.data,
        spend=form.caps(currency=currency),
        currency=currency,
        person_id=current.person.id,
        now=current.now,
    )
    return htmx.render(
        "keys/created.html",
        key=issued.key,
        secret=issued.secret,
        snippet_tabs=console.ways_to_call(issued.secret),
        overlap="",
    )


def _form(form: KeyForm, *, status: int = 200) -> ResponseReturnValue:
    return htmx.render(
        "keys/new.html",
        status=status,
        form=form,
        places=reach.offered(current.session, current.organisation),
        chosen=set(request.form.getlist("scope")),
        currency=console.currency(),
        longest=console.longest(),
    )


def _fill_in(form: KeyForm) -> None:
    """What a form of few fields leaves out is as the page would have had it."""
    for field in (form.environment, form.way, form.owner, form.expires):
        if field.data is None or field.name not in request.form:
            field.data = field.choices[0].value
