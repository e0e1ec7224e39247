"""What Stripe told us and what became of it; one that failed can be applied once more."""

import json

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts.guards import current, operator
from app.billing import events, models
from app.core.errors import Invalid
from app.web import htmx, paging

bp = Blueprint("stripe_events", __name__, url_prefix="/operator/stripe")

PAGE = 50
STATES = ("", models.NEW, models.FAILED, models.DONE, models.IGNORED)
WORDS = {
    "": "All",
    models.NEW: "Waiting",
    models.FAILED: "Failed",
    models.DONE: "Applied",
    models.IGNORED: "Nothing to do",
}
TONES = {models.NEW: "warn", models.FAILED: "danger", models.DONE: "ok", models.IGNORED: ""}


@bp.get("/")
@operator
def index() -> ResponseReturnValue:
    state = _state()
    page = paging.page_of(
        lambda limit, offset: events.listed(current.session, state=state, limit=limit, offset=offset), size=PAGE
    )
    return htmx.render(
        "admin/stripe_events.html",
        page=page,
        words=WORDS,
        tones=TONES,
        state=state,
        states=[
            {"label": WORDS[one], "url": url_for("stripe_events.index", state=one or None), "is_current": one == state}
            for one in STATES
        ],
        is_connected=current.settings.takes_payments,
    )


@bp.get("/<event_id>")
@operator
def show(event_id: str) -> ResponseReturnValue:
    event = events.event(current.session, event_id)
    said = json.dumps(json.loads(event.payload), indent=2, ensure_ascii=False)
    return htmx.render("admin/stripe_event.html", event=event, said=said, words=WORDS, tones=TONES)


@bp.post("/<event_id>/replay")
@operator
def replay(event_id: str) -> ResponseReturnValue:
    event = events.event(current.session, event_id)
    events.replay(current.session, event, person_id=current.person.id, now=current.now)
    flash("It will be applied again within a few seconds.")
    return htmx.redirect(url_for("stripe_events.show", event_id=event_id))


def _state() -> str:
    state = request.args.get("state", "")
    if state not in STATES:
        raise Invalid(f"Events are {', '.join(filter(None, STATES))}.")
    return state
