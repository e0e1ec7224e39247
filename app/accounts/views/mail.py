"""Which mail somebody gets."""

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts.guards import current, signed_in
from app.core import mail_kinds
from app.core.errors import Conflict
from app.web import htmx

bp = Blueprint("account_mail", __name__, url_prefix="/account/mail")


@bp.get("")
@signed_in
def index() -> ResponseReturnValue:
    address = current.person.email
    return htmx.render(
        "accounts/mail.html",
        address=address,
        kinds=mail_kinds.KINDS,
        refused=mail_kinds.refused(current.session, address) if address else set(),
    )


@bp.post("")
@signed_in
def choose() -> ResponseReturnValue:
    if current.person.email is None:
        raise Conflict("There is no e-mail address of yours that mail could go to.")
    wanted = request.form.getlist("kind")
    mail_kinds.choose(current.session, current.person.email, wanted, now=current.now)
    flash("You get the mail that you chose.")
    return htmx.redirect(url_for("account_mail.index"))
