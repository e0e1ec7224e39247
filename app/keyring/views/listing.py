"""The list of keys, and stopping several of them at once."""

from collections.abc import Sequence
from urllib.parse import urlencode

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue

from app.core import uuids
from app.core.errors import Invalid
from app.keyring import listing
from app.keyring.listing import SORTS, STATES, TONES, Asked
from app.keyring.views import console
from app.keyring.views.console import bp
from app.keys import owners, queries, services
from app.keys.models import Key
from app.metering import by_key
from app.organisations.guards import current, member
from app.web import htmx, paging

PAGE = 20
AT_ONCE = 200


@bp.get("/")
@member("keys:read")
def index() -> ResponseReturnValue:
    asked = Asked.of(request.args)
    session, organisation = current.session, current.organisation
    page = paging.page_of(
        lambda limit, offset: listing.keys(session, organisation, asked, now=current.now, limit=limit, offset=offset),
        size=PAGE,
    )
    people = console.members()
    return htmx.render(
        "keys/index.html",
        page=page,
        rows=listing.rows(session, organisation, page.rows, now=current.now),
        asked=asked,
        states=STATES,
        tones=TONES,
        owners=[
            ("", "Anybody"),
            *[(str(person_id), name) for person_id, name in people],
            (listing.SERVICES, "Services"),
        ],
        columns=_columns(asked),
        currency=console.currency(),
        has_keys=bool(page.rows) or bool(queries.count_of(session, organisation)),
    )


@bp.get("/revoke")
@member("keys:write")
def ask_to_revoke() -> ResponseReturnValue:
    """Says what stops, and asks. Keys that are revoked already are left out."""
    found = [key for key in _chosen(request.args.getlist("key")) if not key.is_revoked]
    if not found:
        flash("Tick the keys that you want to revoke.", "warn")
        return htmx.redirect(url_for("keys.index"))
    calls = by_key.calls_lately(current.session, current.organisation, [key.id for key in found], now=current.now)
    names = owners.names_of(current.session, found)
    return htmx.render("keys/revoke.html", keys=found, calls=calls, names=names, total=sum(calls.values()))


@bp.post("/revoke")
@member("keys:write")
def revoke_several() -> ResponseReturnValue:
    found = [key for key in _chosen(request.form.getlist("key")) if not key.is_revoked]
    for key in found:
        services.revoke(current.session, key=key, person_id=current.person.id, now=current.now)
    if found:
        said = (
            "1 key was revoked. Calls with it"
            if len(found) == 1
            else f"{len(found)} keys were revoked. Calls with them"
        )
        flash(f"{said} stop within a second.")
    else:
        flash("Those keys were revoked already.", "warn")
    return htmx.redirect(url_for("keys.index"))


def _chosen(texts: Sequence[str]) -> list[Key]:
    """The organisation's keys among these ids, by name. Raises Invalid for what is no id, or for too many."""
    read = [uuids.read(text) for text in texts]
    ids = {key_id for key_id in read if key_id is not None}
    if None in read:
        raise Invalid("That is not the id of a key.")
    if len(ids) > AT_ONCE:
        raise Invalid(f"Revoke {AT_ONCE} keys at once, at most.")
    found = queries.keys_by_id(current.session, current.organisation, list(ids))
    return sorted(found.values(), key=lambda key: (key.name, key.id))


def _columns(asked: Asked) -> list[dict[str, object]]:
    """Heads of the table; those that sort lead to the other direction when they are sorted by."""
    kinds = {"spend": "number"}
    by, is_down = asked.sort.removeprefix("-"), asked.sort.startswith("-")
    columns: list[dict[str, object]] = []
    for name, label in SORTS.items():
        down_first = name in ("created", "used", "spend")
        other = ("" if is_down else "-") if name == by else ("-" if down_first else "")
        column: dict[str, object] = {"label": label, "url": _url(asked, sort=other + name)}
        if name == by:
            column["sort"] = "descending" if is_down else "ascending"
        if name in kinds:
            column["kind"] = kinds[name]
        columns.append(column)
    return columns


def _url(asked: Asked, *, sort: str) -> str:
    address = url_for("keys.index")
    said = urlencode(asked.link(sort=sort))
    return f"{address}?{said}" if said else address
