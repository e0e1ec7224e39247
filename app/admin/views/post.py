"""Mail on its way: what waits, what was sent, and what failed, with a button that tries it once more.

What a mail says is not shown: it is for its recipient, and may hold what only they should have.
"""

from uuid import UUID

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts.guards import current, operator
from app.core import mail
from app.core.errors import Invalid
from app.web import htmx, paging

bp = Blueprint("post", __name__, url_prefix="/operator/mail")

PAGE = 50
WORDS = {"": "All", mail.WAITING: "Waiting", mail.FAILED: "Failed", mail.SENT: "Sent"}
TONES = {mail.WAITING: "warn", mail.FAILED: "danger", mail.SENT: "ok"}


@bp.get("/")
@operator
def index() -> ResponseReturnValue:
    state = request.args.get("state", "")
    if state not in WORDS:
        raise Invalid(f"Mail is {', '.join(filter(None, WORDS))}.")
    page = paging.page_of(
        lambda limit, offset: mail.listed(current.session, state=state, limit=limit, offset=offset), size=PAGE
    )
    return htmx.render(
        "admin/mail.html",
        page=page,
        words=WORDS,
        tones=TONES,
        state=state,
        states=[
            {"label": words, "url": url_for("post.index", state=one or None), "is_current": one == state}
            for one, words in WORDS.items()
        ],
        sends_mail=current.settings.sends_mail,
        is_kept=mail.is_kept(current.settings),
        no_address=mail.NO_ADDRESS,
    )


@bp.post("/<uuid:mail_id>/again")
@operator
def again(mail_id: UUID) -> ResponseReturnValue:
    mail.again(current.session, mail.one(current.session, mail_id), person_id=current.person.id, now=current.now)
    flash("It will be tried again within a few seconds.")
    return htmx.redirect(url_for("post.index", state=mail.FAILED))
