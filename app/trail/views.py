"""The audit log: what was changed, by whom and from where; as a page, one entry at a time, and as a file."""

from collections.abc import Callable, Iterator
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Engine

from app.accounts import browsers
from app.core import audit, audit_words
from app.core.audit_sentences import KINDS, NOT_OF_ORGANISATIONS
from app.organisations.guards import current, member
from app.trail import export, filters, queries, telling
from app.trail.filters import Filters
from app.web import database, htmx

bp = Blueprint("audit", __name__, url_prefix="/audit")

PAGE = 50
MEMBERS = 200
"""So many can be chosen by name; entries of all others lead to theirs."""
ACTORS = {
    audit.OPERATOR: "Operators",
    audit.ADMIN_KEY: "Admin keys",
    audit.COMMAND_LINE: "The command line",
}
CHOICES = {
    kind: (words, {action: audit_words.action_in_words(action) for action in audit_words.actions_of(kind)})
    for kind, words in sorted(KINDS.items(), key=lambda pair: pair[1])
    if kind not in NOT_OF_ORGANISATIONS and audit_words.actions_of(kind)
}
"""What may be chosen: kinds of things with their words and actions."""


@bp.get("/")
@member("audit:read")
def index() -> ResponseReturnValue:
    asked, before = filters.read(request.args), filters.read_cursor(request.args.get("before", ""))
    session, organisation_id = current.session, current.organisation.id
    found = queries.page(session, organisation_id, asked, before=before, limit=PAGE)
    query = asked.query()
    return htmx.render(
        "trail/index.html",
        entries=found.entries,
        names=queries.names(session, found.entries),
        words=audit_words,
        telling=telling,
        browser_in_words=browsers.in_words,
        asked=asked,
        query=query,
        people=_people(asked),
        actors={**ACTORS, audit.ITSELF: current.settings.product_name},
        choices=CHOICES,
        itself=current.settings.product_name,
        newest_url=_address(query) if before is not None else "",
        older_url=_address({**query, "before": str(found.older)}) if found.older is not None else "",
        looked_back_to=found.looked_back_to,
        reach=queries.REACH,
        now=current.now,
    )


@bp.get("/<uuid:entry_id>")
@member("audit:read")
def show(entry_id: UUID) -> ResponseReturnValue:
    entry = queries.entry_of(current.session, current.organisation.id, entry_id)
    name = queries.names(current.session, [entry]).get(entry.person_id, "")
    itself = current.settings.product_name
    return htmx.render(
        "trail/entry.html",
        entry=entry,
        sentence=audit_words.sentence(entry, name=name, itself=itself),
        who=audit_words.who(entry, name=name, itself=itself),
        kind=audit_words.kind_in_words(entry.action),
        changes=audit_words.changes(entry),
        facts=audit_words.facts(entry),
        address=telling.address_of(entry, name),
        client=telling.client_of(entry, name),
        browser=browsers.in_words(entry.client),
        is_elsewhere=entry.actor_kind in telling.ELSEWHERE,
        sealed=queries.sealed(current.session, entry),
    )


@bp.get("/audit.csv")
@member("audit:read")
def as_csv() -> ResponseReturnValue:
    return _file("csv", "text/csv", export.as_csv)


@bp.get("/audit.json")
@member("audit:read")
def as_json() -> ResponseReturnValue:
    return _file("json", "application/json", export.as_json)


def _file(ending: str, mimetype: str, write: Callable[..., Iterator[str]]) -> Response:
    """Exactly what the page of the same address lists, all its pages."""
    asked = filters.read(request.args)
    engine: Engine = database.engine()
    lines = write(engine, current.organisation.id, asked, itself=current.settings.product_name)
    name = f"audit-{current.organisation.slug}-{current.now:%Y-%m-%d}.{ending}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(lines, mimetype=mimetype, headers=headers)


def _address(query: dict[str, str]) -> str:
    return f"{url_for('audit.index')}?{urlencode(query)}" if query else url_for("audit.index")


def _people(asked: Filters) -> list[tuple[UUID, str]]:
    """Whom one may choose; whoever is chosen stands among them, gone or not."""
    found = queries.members(current.session, current.organisation.id, limit=MEMBERS)
    chosen = asked.person_id
    if chosen is not None and chosen not in {person_id for person_id, _ in found}:
        found.append((chosen, queries.name_of(current.session, current.organisation.id, chosen) or audit_words.NOBODY))
    return found
