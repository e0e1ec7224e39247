"""Inserts compiled once and handed to the driver.

SQLAlchemy's own execution costs a multiple of what SQLite needs for a row; this keeps its SQL and its types' way of
storing values and leaves out the rest. For the ledger, which every call waits for.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Dialect, Insert
from sqlalchemy.engine.interfaces import DBAPICursor
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

    def _flat(self, in_order: Callable[[Row], tuple[object, ...]], rows: Sequence[Row]) -> list[object]:
        """All values of all rows, one after the other."""
        flat: list[object] = []
        for row in rows:
            values = list(in_order(row))
            for index, convert in self._stored:
                values[index] = convert(values[index])
            flat += values
        return flat


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
