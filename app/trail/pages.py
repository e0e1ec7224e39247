"""The pages of an audit log, for whoever may read it: a list, one entry, and files. Customers read their organisation's
(app/trail/views.py), operators that of everybody (app/admin/views/trail.py).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Engine

from app.accounts import browsers
from app.core import audit, audit_words
from app.core.audit_sentences import KINDS
from app.organisations.models import Organisation
from app.trail import export, filters, queries, telling
from app.trail.export import Wanted
from app.trail.filters import Filters
from app.web import database, htmx
from app.web.current import current

PAGE = 50
OPERATORS = "Operators"
ACTORS = {
    audit.OPERATOR: OPERATORS,
    audit.ADMIN_KEY: "Admin keys",
    audit.COMMAND_LINE: "The command line",
}
Choices = Mapping[str, tuple[str, Mapping[str, str]]]


@dataclass(frozen=True, slots=True)
class Log:
    """Whose log is read, and how its pages are reached.

    organisation_id: None for that of all. blueprint: has the views index, show, as_csv and as_json. name: of files.
    fixed: what every address of it carries besides filters.
    """

    organisation_id: UUID | None
    blueprint: str
    name: str
    fixed: Mapping[str, str]
    is_operator: bool = False


def choices_of(*, without: frozenset[str] = frozenset()) -> Choices:
    """What may be chosen: kinds of things with their words and actions."""
    return {
        kind: (words, {action: audit_words.action_in_words(action) for action in audit_words.actions_of(kind)})
        for kind, words in sorted(KINDS.items(), key=lambda pair: pair[1])
        if kind not in without and audit_words.actions_of(kind)
    }


def index(
    log: Log,
    template: str,
    *,
    choices: Choices,
    people: Sequence[tuple[UUID, str]] = (),
    organisation: Organisation | None = None,
) -> ResponseReturnValue:
    """The list that the address asks for. people: who may be chosen by name. organisation: the one that is asked for,
    where there are several.
    """
    asked, before = filters.read(request.args), filters.read_cursor(request.args.get("before", ""))
    found = queries.page(current.session, log.organisation_id, asked, before=before, limit=PAGE)
    query = {**asked.query(), **log.fixed}
    return htmx.render(
        template,
        log=log,
        entries=found.entries,
        names=queries.names(current.session, found.entries),
        whose=queries.organisations(current.session, found.entries) if log.is_operator else {},
        words=audit_words,
        telling=telling,
        browser_in_words=browsers.in_words,
        asked=asked,
        query=query,
        chosen=_chosen(log, asked),
        actors={**ACTORS, audit.ITSELF: current.settings.product_name},
        itself=current.settings.product_name,
        newest_url=_address(log, query) if before is not None else "",
        older_url=_address(log, {**query, "before": str(found.older)}) if found.older is not None else "",
        looked_back_to=found.looked_back_to,
        reach=queries.REACH,
        now=current.now,
        choices=choices,
        people=people,
        organisation=organisation,
    )


def show(log: Log, entry_id: UUID, template: str) -> ResponseReturnValue:
    """One entry, checked against its seal. Raises NotFound."""
    entry = queries.entry_of(current.session, log.organisation_id, entry_id)
    name = queries.names(current.session, [entry]).get(entry.person_id, "")
    itself = current.settings.product_name
    return htmx.render(
        template,
        log=log,
        entry=entry,
        sentence=audit_words.sentence(entry, name=name, itself=itself),
        who=audit_words.who(entry, name=name, itself=itself),
        kind=audit_words.kind_in_words(entry.action),
        changes=audit_words.changes(entry),
        facts=audit_words.facts(entry),
        address=telling.address_of(entry, name, is_operator=log.is_operator),
        client=telling.client_of(entry, name, is_operator=log.is_operator),
        browser=browsers.in_words(entry.client),
        is_elsewhere=entry.actor_kind in telling.ELSEWHERE and not log.is_operator,
        sealed=queries.sealed(current.session, entry),
        organisation=queries.organisations(current.session, [entry]).get(entry.organisation_id),
    )


def as_csv(log: Log) -> Response:
    """Exactly what the page of the same address lists, all its pages."""
    return _file(log, "csv", "text/csv", export.as_csv)


def as_json(log: Log) -> Response:
    """The same as JSON."""
    return _file(log, "json", "application/json", export.as_json)


def _file(log: Log, ending: str, mimetype: str, write: Callable[..., Iterator[str]]) -> Response:
    engine: Engine = database.engine()
    wanted = Wanted(log.organisation_id, filters.read(request.args), log.is_operator)
    lines = write(engine, wanted, itself=current.settings.product_name)
    name = f"audit-{log.name}-{current.now:%Y-%m-%d}.{ending}"
    return Response(lines, mimetype=mimetype, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _address(log: Log, query: Mapping[str, str]) -> str:
    place = url_for(f"{log.blueprint}.index")
    return f"{place}?{urlencode(query)}" if query else place


def _chosen(log: Log, asked: Filters) -> tuple[UUID, str] | None:
    """Who acted, as it is asked for; gone or not."""
    if asked.person_id is None:
        return None
    name = queries.name_of(current.session, log.organisation_id, asked.person_id)
    return asked.person_id, name or audit_words.NOBODY
