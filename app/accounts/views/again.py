"""Why one has to sign in again, and the way there."""

from flask import Blueprint, url_for
from flask import session as flask_session
from flask.typing import ResponseReturnValue

from app.accounts import again, entrance, queries
from app.accounts.guards import current, signed_in
from app.accounts.models import THROUGH
from app.web import htmx

bp = Blueprint("again", __name__, url_prefix="/account/again")


@bp.get("")
@signed_in
def index() -> ResponseReturnValue:
    asked = again.asked()
    if asked is None:
        return htmx.redirect(url_for("account.index"))
    known = {identity.provider for identity in queries.identities_of(current.session, current.person)}
    return htmx.render(
        "accounts/again.html",
        asked=asked,
        clients={name: client for name, client in entrance.current().clients.items() if name in known},
        through=flask_session.get(THROUGH),
        signed_in_at=again.signed_in_at(),
        minutes=current.settings.recent_sign_in_minutes,
    )
