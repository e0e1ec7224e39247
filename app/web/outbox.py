"""/outbox/: the mail that would have been sent, on a machine where somebody tries Postern (core/mail.py, is_kept)."""

from uuid import UUID

from flask import Blueprint, Response, make_response
from flask.typing import ResponseReturnValue

from app.core import mail, mail_letters
from app.core.mail_letters import Letter
from app.web import htmx, paging
from app.web.current import current
from app.web.guards import public

bp = Blueprint("outbox", __name__, url_prefix="/outbox")

PAGE = 50
CONTENT = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; sandbox"
"""Mail brings its own styles, and nothing else."""


@bp.get("/")
@public
def index() -> ResponseReturnValue:
    page = paging.page_of(lambda limit, offset: mail.listed(current.session, limit=limit, offset=offset), size=PAGE)
    return htmx.render("outbox/index.html", lines=[(one, _letter(one)) for one in page.rows], page=page)


@bp.get("/<uuid:mail_id>")
@public
def show(mail_id: UUID) -> ResponseReturnValue:
    found = mail.one(current.session, mail_id)
    return htmx.render("outbox/show.html", mail=found, letter=_letter(found))


@bp.get("/<uuid:mail_id>/html")
@public
def show_html(mail_id: UUID) -> Response:
    answer = make_response(_letter(mail.one(current.session, mail_id)).html)
    answer.headers["Content-Security-Policy"] = CONTENT
    return answer


def _letter(one: mail.Mail) -> Letter:
    return mail_letters.write(one.template, one.context, current.settings, to=one.recipient)
