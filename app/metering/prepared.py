"""Statements compiled once and handed to the driver.

SQLAlchemy's own execution costs a multiple of what SQLite needs for a row; this keeps its SQL and its types' way of
storing values and leaves out the rest. For the ledger, which every call waits for.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ClauseElement, Dialect, Insert
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import Uuid

from app.core.db import UtcDateTime

Row = Mapping[str, object]


class Prepared:
    """An INSERT of whole rows for one dialect.

    On SQLite many rows go in one statement: sqlite3 gives up Python's lock for each statement and each row of
    executemany, and would wait for the busy event loop as often to get it back.
    """

    def __init__(self, statement: Insert, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self._keys = [column.name for column in statement.table.primary_key]
        self._sql = str(compiled)
        self._in_order: Callable[[Row], tuple[object, ...]] | None = None
        if dialect.positional:
            names = list(compiled.positiontup or ())
            self._in_order = itemgetter(*names)
            kinds = [type(statement.table.columns[name].type) for name in names]
            self._stored = [(index, _STORED[kind]) for index, kind in enumerate(kinds) if kind in _STORED]
            self._one_row = f"({', '.join('?' * len(names))})"

    def run(self, cursor: DBAPICursor, rows: Sequence[Row]) -> None:
        """Insert `rows`, at most a thousand. Raises ValueError for a naive datetime, and what the driver raises."""
        if self._in_order is None:
            cursor.executemany(self._sql, rows)  # psycopg takes rows by name, and sends them together
        else:
            sql = self._sql.replace(self._one_row, ", ".join([self._one_row] * len(rows)), 1)
            cursor.execute(sql, self._flat(self._in_order, rows))

    def totals(self, cursor: DBAPICursor, rows: Sequence[Row], names: Sequence[str]) -> list[tuple[int, ...]]:
        """Add `rows` to what is there; gives, for each of them, what the columns `names` come to."""
        sql = f" RETURNING {', '.join(names)}"
        if self._in_order is None:
            statement = self._sql + sql
            found = []
            for row in rows:
                cursor.execute(statement, row)
                found.append(tuple(cursor.fetchall()[0]))
            return found
        statement = self._sql.replace(self._one_row, ", ".join([self._one_row] * len(rows)), 1) + sql
        cursor.execute(f"{statement}, {', '.join(self._keys)}", self._flat(self._in_order, rows))
        by_key = {tuple(row[len(names) :]): tuple(row[: len(names)]) for row in cursor.fetchall()}
        return [by_key[tuple(_kept(row[key]) for key in self._keys)] for row in rows]

    def _flat(self, in_order: Callable[[Row], tuple[object, ...]], rows: Sequence[Row]) -> list[object]:
        """All values of all rows, one after the other."""
        flat: list[object] = []
        for row in rows:
            values = list(in_order(row))
            for index, convert in self._stored:
                values[index] = convert(values[index])
            flat += values
        return flat


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
    return _moment(value) if isinstance(value, datetime) else value


def _moment(value: datetime) -> str:
    if value.tzinfo is not UTC:
        if value.tzinfo is None:
            raise ValueError("A moment needs a time zone; use core.clock.now().")
        value = value.astimezone(UTC)
    return value.isoformat(" ", "microseconds")[:26]


def _hex(value: UUID | None) -> str | None:
    return value.hex if value is not None else None


_STORED: dict[type, Callable[[Any], object]] = {UtcDateTime: _moment, Uuid: _hex}
"""As SQLAlchemy's SQLite dialect writes them, so that everything else reads and compares them as it always does."""
