"""Statements compiled once and handed to the driver.

SQLAlchemy's own execution costs a multiple of what SQLite needs for a row; this keeps its SQL and its types' way of
storing values and leaves out the rest. For the ledger, which every call waits for.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Protocol, cast
from uuid import UUID

from sqlalchemy import ClauseElement, Dialect, Insert, dialects
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.sql.compiler import SQLCompiler

Row = Mapping[str, object]
Values = tuple[object, ...]

MOST_ROWS = 64
"""In one statement of SQLite's: each number of rows is a statement of its own, and sqlite3 remembers 128."""


class Prepared:
    """An INSERT of whole rows for one dialect: values in the order of the table's columns, as the database keeps them,
    moments with what tells PostgreSQL their zone.

    Many rows go in one statement. On SQLite because sqlite3 gives up Python's lock for each statement and each row of
    executemany, and would wait for the busy event loop as often to get it back; on PostgreSQL because each is planned
    and answered.
    """

    def __init__(self, statement: Insert, dialect: Dialect, *, returning: Sequence[str] = ()) -> None:
        """returning: columns that `totals` gives."""
        columns = list(statement.table.columns)
        names, keys = [column.name for column in columns], [column.name for column in statement.table.primary_key]
        by_place = dialect if dialect.positional else dialects.registry.load("postgresql.psycopg")(paramstyle="format")
        compiled = statement.compile(dialect=by_place)
        if compiled.positiontup != names:
            raise TypeError("An INSERT of whole rows, without values of its own, is what this can prepare.")
        self._key_at = [names.index(name) for name in keys]
        start, _, rest = str(compiled).partition(" VALUES (")
        _, conflict, then = rest.partition(" ON CONFLICT ")
        end = conflict + then + (f" RETURNING {', '.join([*keys, *returning])}" if returning else "")
        if dialect.name == "sqlite":
            self._statements: _Statements = _RowByRow(start, len(names), end)
        else:
            types = [re.sub(r"\(.*", "", column.type.compile(dialect=by_place)) for column in columns]
            self._statements = _ColumnByColumn(start, types, end)

    def run(self, cursor: DBAPICursor, rows: Sequence[Values]) -> None:
        """Insert `rows`. Raises what the driver raises."""
        for text, values in self._statements.of(rows):
            cursor.execute(text, values)

    def totals(self, cursor: DBAPICursor, rows: Sequence[Values]) -> list[tuple[int, ...]]:
        """Add `rows`, each for another key, to what is there; gives, for each of them, what the columns `returning`
        come to.
        """
        width = len(self._key_at)
        by_key: dict[Values, tuple[int, ...]] = {}
        for text, values in self._statements.of(rows):
            cursor.execute(text, values)
            by_key.update((tuple(map(_as_given, one[:width])), tuple(one[width:])) for one in cursor.fetchall())
        return [by_key[tuple(row[at] for at in self._key_at)] for row in rows]


class _Statements(Protocol):
    def of(self, rows: Sequence[Values], /) -> Iterator[tuple[str, Sequence[object]]]:
        """What to execute, with its values."""


class _RowByRow:
    """For SQLite: VALUES (…), (…), …"""

    def __init__(self, start: str, width: int, end: str) -> None:
        self._start, self._end = start, end
        self._one_row = f"({', '.join('?' * width)})"
        self._texts: dict[int, str] = {}

    def of(self, rows: Sequence[Values]) -> Iterator[tuple[str, Sequence[object]]]:
        for at in range(0, len(rows), MOST_ROWS):
            part = rows[at : at + MOST_ROWS]
            yield self._text(len(part)), list(chain.from_iterable(part))

    def _text(self, count: int) -> str:
        """The statement for so many rows: always the same object, by which sqlite3 finds what it has parsed."""
        text = self._texts.get(count)
        if text is None:
            text = f"{self._start} VALUES {', '.join([self._one_row] * count)}{self._end}"
            self._texts[count] = text
        return text


class _ColumnByColumn:
    """For PostgreSQL: an array for each column, written as text, so that it is one statement for any number of rows and
    any size of numbers, and planned once.
    """

    def __init__(self, start: str, types: Sequence[str], end: str) -> None:
        arrays = ", ".join(f"%s::{name}[]" for name in types)
        self._text = f"{start} SELECT * FROM unnest({arrays}){end}"  # noqa: S608  (our own names)
        self._write = [_array_of_texts if name in ("VARCHAR", "TEXT") else _array for name in types]

    def of(self, rows: Sequence[Values]) -> Iterator[tuple[str, Sequence[object]]]:
        if rows:
            yield (
                self._text,
                [write(column) for write, column in zip(self._write, zip(*rows, strict=True), strict=True)],
            )


def _array(values: Sequence[object]) -> str:
    """Of numbers, ids and moments."""
    return "{" + ",".join(["NULL" if value is None else f'"{value}"' for value in values]) + "}"


def _array_of_texts(values: Sequence[object]) -> str:
    return _array([_quotable(value) if isinstance(value, str) else value for value in values])


def _quotable(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"') if "\\" in text or '"' in text else text


def _as_given(value: object) -> object:
    """A key as rows have it."""
    if isinstance(value, UUID):
        return value.hex
    return f"{text_of(value)}+00" if isinstance(value, datetime) else value


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
