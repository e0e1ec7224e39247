"""Change a key's terms, give it a new secret, and say what an organisation asks of all its keys."""

from uuid import UUID

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue

from app.core import uuids
from app.core.errors import Conflict, Invalid, LimitReached
from app.keyring import making, own_limits, reach
from app.keyring.forms import KEEP, SERVICE, ChangeForm, RotateForm, RulesForm
from app.keyring.views import console
from app.keyring.views.console import bp
from app.keys import lifetimes, rotation, services
from app.keys.models import Key
from app.organisations.guards import current, member
from app.plans import amounts
from app.web import htmx


@bp.get("/<uuid:key_id>/edit")
@member("keys:write")
def edit(key_id: UUID) -> ResponseReturnValue:
    key = console.asked_for(key_id)
    form = _change_form(key)
    form.name.data, form.service.data = key.name, key.service
    form.way.data = reach.EVERYTHING if key.scopes is None else reach.CHOSEN
    form.networks.data = "\n".join(key.networks)
    form.expires.data = KEEP
    form.owner.data = SERVICE if key.owner_id is None else str(key.owner_id)
    own, currency = own_limits.own_of(current.session, [key.id])[key.id], console.currency()
    form.rate.data = own.per_minute
    for period, field in form.cap_fields.items():
        field.data = amounts.written(own.spend[period], currency=currency) if period in own.spend else ""
    return _change_page(key, form, chosen=set(key.scopes or ()))


@bp.post("/<uuid:key_id>/edit")
@member("keys:write")
def update(key_id: UUID) -> ResponseReturnValue:
    key = console.asked_for(key_id)
    form = _change_form(key)
    if form.validate():
        try:
            currency = console.currency()
            is_different = making.change(
                current.session,
                organisation=current.organisation,
                key=key,
                name=form.name.data or "",
                to=form.terms(
                    reach.offered(current.session, current.organisation), now=current.now, kept=key.expires_at
                ),
                owner=form.whose(),
                per_minute=form.rate.data,
                spend=form.caps(currency=currency),
                currency=currency,
                person_id=current.person.id,
                now=current.now,
            )
            if not is_different:
                raise Conflict(f"Nothing about “{key.name}” is different.")
        except (Conflict, Invalid, LimitReached) as refusal:
            if not form.errors:
                form.form_errors.append(refusal.message)
        else:
            flash(f"“{key.name}” is changed. Gateways hold it within a second.")
            return htmx.redirect(console.url_of(key))
    current.session.rollback()
    return _change_page(console.asked_for(key_id), form, chosen=set(request.form.getlist("scope")), status=422)


@bp.get("/<uuid:key_id>/rotate")
@member("keys:write")
def ask_to_rotate(key_id: UUID) -> ResponseReturnValue:
    key = console.asked_for(key_id)
    form = RotateForm()
    form.offer(key, longest=console.longest())
    form.overlap.data, form.expires.data = "24", KEEP
    return _rotate_page(key, form)


@bp.post("/<uuid:key_id>/rotate")
@member("keys:write")
def rotate(key_id: UUID) -> ResponseReturnValue:
    key, form = console.asked_for(key_id), RotateForm()
    form.offer(key, longest=console.longest())
    if "expires" not in request.form:
        form.expires.data = KEEP
    if form.validate():
        days = None if form.expires.data == KEEP else int(form.expires.data)
        overlap = form.chosen()
        try:
            issued = rotation.rotate(
                current.session,
                key=key,
                overlap=overlap,
                brand=current.settings.key_brand,
                expires_at=None if days is None else current.now + lifetimes.days(days),
                person_id=current.person.id,
                now=current.now,
            )
        except (Conflict, Invalid) as refusal:
            form.form_errors.append(refusal.message)
        else:
            return htmx.render(
                "keys/created.html",
                key=issued.key,
                secret=issued.secret,
                snippet_tabs=console.ways_to_call(issued.secret),
                overlap=overlap.in_words,
                retires_at=rotation.secrets_of(current.session, key, limit=1)[0].retires_at,
            )
    return _rotate_page(key, form, status=422)


@bp.post("/<uuid:key_id>/secrets/<uuid:secret_id>/end")
@member("keys:write")
def end_overlap(key_id: UUID, secret_id: UUID) -> ResponseReturnValue:
    key = console.asked_for(key_id)
    secret = rotation.secret_of(current.session, key, secret_id)
    rotation.end_overlap(current.session, key=key, secret=secret, person_id=current.person.id, now=current.now)
    flash(f"The old secret {secret.hint} stops within a second. The key itself goes on.")
    return htmx.redirect(console.url_of(key))


@bp.get("/rules")
@member("keys:read")
def show_rules() -> ResponseReturnValue:
    return htmx.render("keys/rules.html", form=RulesForm(longest_days=console.longest()), longest=console.longest())


@bp.post("/rules")
@member("organisation:write")
def change_rules() -> ResponseReturnValue:
    form = RulesForm()
    if form.validate():
        try:
            lifetimes.set_longest(
                current.session,
                organisation=current.organisation,
                days=form.longest_days.data,
                person_id=current.person.id,
                now=current.now,
            )
        except (Conflict, Invalid) as refusal:
            form.longest_days.errors = [*form.longest_days.errors, refusal.message]
        else:
            flash("Keys that are made, rotated or changed from now on keep to it.")
            return htmx.redirect(url_for("keys.show_rules"))
    return htmx.render("keys/rules.html", status=422, form=form, longest=console.longest())


def _change_form(key: Key) -> ChangeForm:
    services.refuse_revoked(key)
    form = ChangeForm()
    people = console.members(key.owner_id, uuids.read(form.owner.data or ""))
    form.offer_for(key, people=people, me=current.person.id, longest=console.longest())
    return form


def _change_page(key: Key, form: ChangeForm, *, chosen: set[str], status: int = 200) -> ResponseReturnValue:
    return htmx.render(
        "keys/edit.html",
        status=status,
        key=key,
        form=form,
        places=reach.offered(current.session, current.organisation),
        chosen=chosen,
        currency=console.currency(),
        longest=console.longest(),
    )


def _rotate_page(key: Key, form: RotateForm, *, status: int = 200) -> ResponseReturnValue:
    latest = lifetimes.latest(current.session, key.organisation_id, made_at=key.secret_made_at)
    return htmx.render("keys/rotate.html", status=status, key=key, form=form, longest=console.longest(), latest=latest)
