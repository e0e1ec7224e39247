"""Deleting an organisation: what goes and what stays, a copy of everything first, and two weeks to undo it."""

import tempfile
from collections.abc import Iterator
from typing import IO, cast

from flask import Response, flash, url_for
from flask.typing import ResponseReturnValue

from app.accounts import again
from app.accounts.again import Danger
from app.billing import parting
from app.core.errors import Conflict, Invalid
from app.keys import queries as keys
from app.organisations import closing, queries
from app.organisations.guards import current, member
from app.plans import queries as plans
from app.team import deleting, export
from app.team.forms import DeleteForm
from app.team.views.settings import bp
from app.web import htmx
from app.webhooks import queries as webhooks

CHUNK = 64 * 1024
IN_MEMORY = 4 * 1024 * 1024
"""Bytes of an export; what is larger waits on disk until it is sent."""

DELETING = Danger("delete the organisation", "organisation.ask_to_delete")


@bp.get("/delete")
@member("organisation:delete")
def ask_to_delete() -> ResponseReturnValue:
    return _page(DeleteForm(formdata=again.typed("organisation.delete") or None))


@bp.post("/delete")
@member("organisation:delete", lately=DELETING)
def delete() -> ResponseReturnValue:
    form = DeleteForm()
    if form.validate():
        try:
            deleting.ask(
                current.session,
                organisation=current.organisation,
                typed=form.name.data or "",
                person=current.person,
                now=current.now,
            )
        except (Invalid, Conflict) as refusal:
            form.name.errors = [*form.name.errors, refusal.message]
        else:
            flash("Its keys stop within a second. Until then an owner can undo it.", "warn")
            return htmx.redirect(url_for("organisation.ask_to_delete"))
    return _page(form, status=422)


@bp.post("/restore")
@member("organisation:delete")
def restore() -> ResponseReturnValue:
    closing.undo(current.session, organisation=current.organisation, person_id=current.person.id, now=current.now)
    flash(f"“{current.organisation.name}” stays. Its keys work again within a second.")
    return htmx.redirect(url_for("organisation.index"))


@bp.get("/export.zip")
@member("organisation:delete")
def export_all() -> ResponseReturnValue:
    out = cast(IO[bytes], tempfile.SpooledTemporaryFile(max_size=IN_MEMORY))  # noqa: SIM115  (closed when it is sent)
    export.write(current.session, organisation=current.organisation, out=out, now=current.now)
    out.seek(0)
    name = f"{current.organisation.slug}-{current.now:%Y-%m-%d}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(_sent(out), mimetype="application/zip", headers=headers)


def _sent(out: IO[bytes]) -> Iterator[bytes]:
    with out:
        while data := out.read(CHUNK):
            yield data


def _page(form: DeleteForm, *, status: int = 200) -> ResponseReturnValue:
    organisation = current.organisation
    return htmx.render(
        "team/delete.html",
        status=status,
        form=form,
        members=queries.count_members(current.session, organisation),
        keys=keys.count_of(current.session, organisation, with_revoked=False),
        webhooks=len(webhooks.endpoints_of(current.session, organisation.id)),
        standing=plans.standing(current.session, organisation.id, at=current.now),
        is_paid_for=parting.is_paid_for(current.session, organisation.id),
        grace=closing.GRACE,
    )
