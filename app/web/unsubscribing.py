"""/mail/off/…: turning a kind of mail off from within a mail, without signing in (RFC 8058).

Looking changes nothing: mail programs and scanners open links. Only POST does, from the page's button or, with one
click, from the reader's mail program, which knows no session; the sealed token says which kind and address.
"""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.core import mail_kinds
from app.web import htmx
from app.web.current import current
from app.web.guards import public

bp = Blueprint("unsubscribing", __name__, url_prefix="/mail/off")


@bp.get("/<token>")
@public
def show(token: str) -> ResponseReturnValue:
    kind, address = mail_kinds.opened(current.settings, token)
    is_off = kind in mail_kinds.refused(current.session, address)
    return _page(kind, address, token=token, is_off=is_off)


@bp.post("/<token>")
@public
def turn_off(token: str) -> ResponseReturnValue:
    """Answers 200 without a redirect, as the RFC asks."""
    kind, address = mail_kinds.opened(current.settings, token)
    mail_kinds.refuse(current.session, address, kind, now=current.now)
    return _page(kind, address, token=token, is_off=True)


def _page(kind: str, address: str, *, token: str, is_off: bool) -> ResponseReturnValue:
    response = htmx.render(
        "public/mail_off.html", kind=mail_kinds.KINDS[kind], address=address, token=token, is_off=is_off
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
