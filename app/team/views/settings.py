"""Settings of an organisation: its name, its slug, where its bills go."""

from collections.abc import Callable, Iterator
from functools import partial

from flask import Blueprint, flash, url_for
from flask.typing import ResponseReturnValue
from wtforms import Field

from app.billing import customers
from app.core.errors import Conflict, Invalid
from app.organisations import queries, roles, settings
from app.organisations.guards import current, member
from app.organisations.settings import Change
from app.team.forms import SettingsForm
from app.web import database, htmx

bp = Blueprint("organisation", __name__, url_prefix="/organisation")


@bp.get("/")
@member("organisation:read")
def index() -> ResponseReturnValue:
    return _page(SettingsForm(obj=current.organisation))


@bp.post("/")
@member("organisation:write")
def update() -> ResponseReturnValue:
    form = SettingsForm()
    if not form.validate():
        return _page(form, status=422)
    for field, change in _changes(form):
        try:
            change()
        except (Invalid, Conflict) as refusal:
            field.errors = [*field.errors, refusal.message]
    if form.errors:
        database.roll_back()
        return _page(form, status=422)
    flash("Saved.")
    return htmx.redirect(url_for("organisation.index"))


def _changes(form: SettingsForm) -> Iterator[tuple[Field, Callable[[], None]]]:
    """What each field asks for."""

    def asks(change: Change, to: str | None) -> Callable[[], None]:
        return partial(
            change,
            current.session,
            organisation=current.organisation,
            to=to or "",
            person_id=current.person.id,
            now=current.now,
        )

    yield form.name, asks(settings.rename, form.name.data)
    yield form.slug, asks(settings.change_slug, form.slug.data)
    if _payer_email() is None:
        yield form.billing_email, asks(settings.change_billing_email, form.billing_email.data)


def _page(form: SettingsForm, *, status: int = 200) -> ResponseReturnValue:
    return htmx.render(
        "team/settings.html",
        status=status,
        form=form,
        payer_email=_payer_email(),
        members=queries.count_members(current.session, current.organisation),
        owners=queries.count_members(current.session, current.organisation, role=roles.OWNER),
    )


def _payer_email() -> str | None:
    """Where bills go, as its customer at Stripe says; None before there is one."""
    payer = customers.account_of(current.session, current.organisation.id, current.settings.stripe_mode)
    return payer.email if payer is not None else None
