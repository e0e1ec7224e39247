"""The audit log as a file: everything that is filtered, newest first, a page of entries in memory at a time."""

import csv
import io
import json
from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Engine
from sqlmodel import Session

from app.core.audit import AuditEntry
from app.metering.proof_models import AuditLink
from app.organisations.models import Organisation
from app.trail import queries, telling
from app.trail.filters import Filters

PAGE = 500


class Wanted(NamedTuple):
    """organisation_id: None for that of everybody. is_operator: for operators, who also read whose each entry is."""

    organisation_id: UUID | None
    filters: Filters
    is_operator: bool = False


class _Part(NamedTuple):
    entries: list[AuditEntry]
    links: dict[UUID, AuditLink]
    names: dict[UUID | None, str]
    whose: dict[UUID | None, Organisation] | None


def as_csv(engine: Engine, wanted: Wanted, *, itself: str) -> Iterator[str]:
    """With a line of names at the top (telling.COLUMNS; for operators telling.ALL_COLUMNS)."""
    yield _lines([list(telling.ALL_COLUMNS if wanted.is_operator else telling.COLUMNS)])
    for entries, links, names, whose in _parts(engine, wanted):
        yield _lines(
            [telling.as_row(one, links.get(one.id), names=names, itself=itself, whose=whose) for one in entries]
        )


def as_json(engine: Engine, wanted: Wanted, *, itself: str) -> Iterator[str]:
    """One object with “entries”, each as webhooks give it."""
    yield '{"entries":['
    between = "\n"
    for entries, links, names, whose in _parts(engine, wanted):
        for one in entries:
            said = telling.as_json(one, links.get(one.id), names=names, itself=itself, whose=whose)
            yield between + json.dumps(said, ensure_ascii=False, separators=(",", ":"))
            between = ",\n"
    yield "\n]}\n"


def _parts(engine: Engine, wanted: Wanted) -> Iterator[_Part]:
    """In a session of its own: the request's is over when a file is being sent."""
    with Session(engine) as session:
        for entries in queries.every(session, wanted.organisation_id, wanted.filters, by=PAGE):
            whose = queries.organisations(session, entries) if wanted.is_operator else None
            found = _Part(entries, queries.links(session, entries), queries.names(session, entries), whose)
            session.close()  # whoever takes the file slowly keeps no connection
            yield found


def _lines(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()
