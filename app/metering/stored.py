"""Links with their events as they stand in the database, whatever somebody has made of them.

SQLite takes anything anywhere: half a character in a text, an id that is none, a moment written in another way that
reads as the same. What Postern would not have written is told as such, with its place.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Connection, Dialect, Row, RowMapping, Select, String, Uuid, select
from sqlalchemy import type_coerce as as_type
from sqlalchemy.exc import DBAPIError

from app.core.db import UtcDateTime
from app.metering import chain
from app.metering.ledger import EVENTS, EventRow
from app.metering.sealing import SEALED

PAGE = 1_000
DROPPED = "the event was dropped"
UNREADABLE = "the event was changed: it cannot be read any more"
ANOTHER_FORM = "the event was changed: it is not stored as it was written"

_COLUMNS = [SEALED.c.seq, SEALED.c.event_id, SEALED.c.hash, *[column.label(f"of_{column.name}") for column in EVENTS.c]]
_CONVERTED = [column for column in EVENTS.c if isinstance(column.type, Uuid | UtcDateTime)]
_AS_THEY_STAND = [as_type(column, String).label(f"raw_{column.name}") for column in _CONVERTED]
_JOIN = SEALED.outerjoin(EVENTS, EVENTS.c.id == SEALED.c.event_id)


@dataclass(frozen=True, slots=True)
class Linked:
    """A place in a chain. row: None if flaw says why there is none."""

    seq: int
    event_id: str
    hash: str
    row: EventRow | None
    flaw: str = ""


def in_order(connection: Connection, organisation_id: UUID) -> Iterator[Linked]:
    """An organisation's links with their events, by place."""
    after = -(2**62)
    while True:
        page = _page(connection, organisation_id, after)
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].seq


def is_unreadable(problem: Exception) -> bool:
    """Whether an exception means that a row holds what cannot be read, and not that the database failed."""
    if isinstance(problem, DBAPIError):
        return isinstance(problem.orig, sqlite3.OperationalError) and "decode" in str(problem.orig)
    return isinstance(problem, ValueError)


def _page(connection: Connection, organisation_id: UUID, after: int) -> list[Linked]:
    mine = SEALED.c.organisation_id == organisation_id
    names = [*_COLUMNS, *_AS_THEY_STAND] if connection.dialect.name == "sqlite" else _COLUMNS
    statement = select(*names).select_from(_JOIN).where(mine)
    try:
        rows = connection.execute(_following(statement, after)).all()
    except (ValueError, DBAPIError) as problem:
        if not is_unreadable(problem):
            raise
        places = connection.execute(_following(select(SEALED.c.seq).where(mine), after)).scalars().all()
        return [_one(connection, statement.where(SEALED.c.seq == seq), seq) for seq in places]
    return [_linked(row, connection.dialect) for row in rows]


def _following(statement: Select[Any], after: int) -> Select[Any]:
    return statement.where(SEALED.c.seq > after).order_by(SEALED.c.seq).limit(PAGE)


def _one(connection: Connection, statement: Select[Any], seq: int) -> Linked:
    try:
        return _linked(connection.execute(statement).one(), connection.dialect)
    except (ValueError, DBAPIError) as problem:
        if not is_unreadable(problem):
            raise
    try:
        link = connection.execute(statement.with_only_columns(SEALED.c.event_id, SEALED.c.hash)).one()
    except DBAPIError as problem:
        if not is_unreadable(problem):
            raise
        return Linked(seq, "", "", None, UNREADABLE)
    return Linked(seq, link.event_id, link.hash, None, UNREADABLE)


def _linked(found: Row[Any], dialect: Dialect) -> Linked:
    said = found._mapping
    if said["of_id"] is None:
        return Linked(found.seq, found.event_id, found.hash, None, DROPPED)
    row = cast(EventRow, {name: said[f"of_{name}"] for name in chain.COLUMNS})
    flaw = "" if dialect.name != "sqlite" or _is_as_written(said, dialect) else ANOTHER_FORM
    return Linked(found.seq, found.event_id, found.hash, row, flaw)


def _is_as_written(said: RowMapping, dialect: Dialect) -> bool:
    """Whether ids and moments are in the one form that they are written in: others read as the same."""
    for column in _CONVERTED:
        write = column.type.dialect_impl(dialect).bind_processor(dialect)
        value = said[f"of_{column.name}"]
        if said[f"raw_{column.name}"] != (write(value) if write is not None and value is not None else value):
            return False
    return True
