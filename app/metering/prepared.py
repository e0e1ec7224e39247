"""Statements compiled once and handed to the driver.

SQLAlchemy's own execution costs a multiple of what SQLite needs for a row; this keeps its SQL and its types' way of
storing values and leaves out the rest. For the ledger, which every call waits for.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ClauseElement, Dialect, Insert, dialects
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.sql.compiler import SQLCompiler

Row = Mapping[str, object]
Values = tuple[object, ...]

MOST_ROWS = 64
"""In one statement of SQLite's: each number of rows is a statement of its own, and sqlite3 remembers 128."""


class Prepared:
    """An INSERT of whole rows for one dialect: values in the order of the table's columns, as the database keeps them.

    On SQLite many rows go in one statement: sqlite3 gives up Python's lock for each statement and each row of
    executemany, and would wait for the busy event loop as often to get it back.
    """

    def __init__(self, statement: Insert, dialect: Dialect, *, returning: Sequence[str] = ()) -> None:
        """returning: columns that `totals` gives."""
        self._in_one = dialect.name == "sqlite"
        by_place = dialect if dialect.positional else dialects.registry.load("postgresql.psycopg")(paramstyle="format")
        compiled = statement.compile(dialect=by_place)
        columns = [column.name for column in statement.table.columns]
        if compiled.positiontup != columns:
            raise TypeError("An INSERT of whole rows, without values of its own, is what this can prepare.")
        keys = [column.name for column in statement.table.primary_key]
        self._key_at = [columns.index(name) for name in keys]
        self._end = f" RETURNING {', '.join([*keys, *returning])}" if returning else ""
        self._sql = str(compiled)
        self._one_row = f"({', '.join('?' * len(columns))})"
        self._texts: dict[int, str] = {1: self._sql + self._end}

    def run(self, cursor: DBAPICursor, rows: Sequence[Values]) -> None:
        """Insert `rows`. Raises what the driver raises."""
        if len(rows) == 1:
            cursor.execute(self._sql, rows[0])
        elif self._in_one:
            for part in _parts(rows):
                cursor.execute(self._text(len(part)), list(chain.from_iterable(part)))
        else:
            cursor.executemany(self._sql, rows)  # psycopg sends them together

    def totals(self, cursor: DBAPICursor, rows: Sequence[Values]) -> list[tuple[int, ...]]:
        """Add `rows` to what is there; gives, for each of them, what the columns `returning` come to."""
        width = len(self._key_at)
        if len(rows) == 1 or not self._in_one:
            found = []
            for row in rows:
                cursor.execute(self._texts[1], row)
                found.append(tuple(cursor.fetchall()[0][width:]))
            return found
        by_key: dict[Values, tuple[int, ...]] = {}
        for part in _parts(rows):
            cursor.execute(self._text(len(part)), list(chain.from_iterable(part)))
            by_key.update((tuple(one[:width]), tuple(one[width:])) for one in cursor.fetchall())
        return [by_key[tuple(row[at] for at in self._key_at)] for row in rows]

    def _text(self, count: int) -> str:
        """The statement for so many rows: always the same object, by which sqlite3 finds what it has parsed."""
        text = self._texts.get(count)
        if text is None:
            text = self._sql.replace(self._one_row, ", ".join([self._one_row] * count), 1) + self._end
            self._texts[count] = text
        return text


def _parts(rows: Sequence[Values]) -> list[Sequence[Values]]:
    return [rows[at : at + MOST_ROWS] for at in range(0, len(rows), MOST_ROWS)]


class PreparedStatement:
    """Any other statement whose values are bound by name, for one row at a time."""

    def __init__(self, statement: ClauseElement, dialect: Dialect) -> None:
        compiled = cast(SQLCompiler, statement.compile(dialect=dialect))
        self._sql = str(compiled)
        self._names = list(compiled.positiontup or ()) if dialect.positional else None

    def run(self, cursor: DBAPICursor, row: Row) -> int:
        """Gives how many rows it met."""
        self._execute(cursor, row)
        return int(cursor.rowcount)

    def first(self, cursor: DBAPICursor, row: Row) -> tuple[Any, ...] | None:
        """The first row of the answer to a question."""
        self._execute(cursor, row)
        found = cursor.fetchall()
        return tuple(found[0]) if found else None

    def _execute(self, cursor: DBAPICursor, row: Row) -> None:
        if self._names is None:
            cursor.execute(self._sql, row)
        else:
            cursor.execute(self._sql, [_kept(row[name]) for name in self._names])


def _kept(value: object) -> object:
    """A value as SQLite keeps it."""
    if isinstance(value, UUID):
        return value.hex
    return text_of(value) if isinstance(value, datetime) else value


def text_of(moment: datetime) -> str:
    """Such as "2026-11-22 14:03:22.000000", in UTC, as SQLite keeps it. Raises ValueError for a naive datetime."""
    if moment.tzinfo is not UTC:
        if moment.tzinfo is None:
            raise ValueError("A moment needs a time zone; use core.clock.now().")
        moment = moment.astimezone(UTC)
    return moment.isoformat(" ", "microseconds")[:26]
