"""What a database holds, to be put into that of the next test: much quicker than making it again."""

import sqlite3
from collections.abc import Callable

from psycopg import sql
from sqlalchemy import Engine

from tests import databases

PutBack = Callable[[Engine], None]


def taken(engine: Engine) -> PutBack:
    """Remembers every row; gives what fills an empty database of the same kind with them."""
    return _of_sqlite(engine) if engine.name == "sqlite" else _of_postgresql(engine)


def _of_sqlite(engine: Engine) -> PutBack:
    kept = sqlite3.connect(":memory:")

    def put_back(other: Engine) -> None:
        connection = other.raw_connection()
        kept.backup(connection.driver_connection)  # type: ignore[arg-type]
        connection.close()

    connection = engine.raw_connection()
    connection.driver_connection.backup(kept)  # type: ignore[union-attr]
    connection.close()
    return put_back


def _of_postgresql(engine: Engine) -> PutBack:
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    kept = {name: _read(url, name) for name in databases.written(url)}

    def put_back(other: Engine) -> None:
        with databases.cleaner(url).cursor() as cursor:
            for name, rows in kept.items():
                cursor.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))
                with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(name))) as copy:
                    copy.write(rows)

    return put_back


def _read(url: str, name: str) -> bytes:
    everything = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(name))
    with databases.cleaner(url).cursor() as cursor, cursor.copy(everything) as copy:
        return b"".join(bytes(part) for part in copy)
