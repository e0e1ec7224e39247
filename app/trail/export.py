"""The audit log as a file: everything that is filtered, newest first, a page of entries in memory at a time."""

import csv
import io
import json
from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import Engine
from sqlmodel import Session

from app.core.audit import AuditEntry
from app.metering.proof_models import AuditLink
from app.trail import queries, telling
from app.trail.filters import Filters

PAGE = 500


def as_csv(engine: Engine, organisation_id: UUID, filters: Filters, *, itself: str) -> Iterator[str]:
    """With a line of names at the top (telling.COLUMNS)."""
    yield _lines([list(telling.COLUMNS)])
    for entries, links, names in _pages(engine, organisation_id, filters):
        yield _lines([telling.as_row(one, links.get(one.id), names=names, itself=itself) for one in entries])


def as_json(engine: Engine, organisation_id: UUID, filters: Filters, *, itself: str) -> Iterator[str]:
    """One object with “entries”, each as webhooks give it."""
    yield '{"entries":['
    between = "\n"
    for entries, links, names in _pages(engine, organisation_id, filters):
        for one in entries:
            said = telling.as_json(one, links.get(one.id), names=names, itself=itself)
            yield between + json.dumps(said, ensure_ascii=False, separators=(",", ":"))
            between = ",\n"
    yield "\n]}\n"


def _pages(
    engine: Engine, organisation_id: UUID, filters: Filters
) -> Iterator[tuple[list[AuditEntry], dict[UUID, AuditLink], dict[UUID | None, str]]]:
    """In a session of its own: the request's is over when a file is being sent."""
    with Session(engine) as session:
        for entries in queries.every(session, organisation_id, filters, by=PAGE):
            found = entries, queries.links(session, entries), queries.names(session, entries)
            session.close()  # whoever takes the file slowly keeps no connection
            yield found


def _lines(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()
