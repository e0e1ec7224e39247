"""Everything the stand-in knows: JSON objects by id in SQLite, with the few columns that are looked for.

Keys that begin with an underscore are its own and never leave it. One lock: a request is one transaction, alone.
"""

import json
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Thing = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS thing (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, kind TEXT NOT NULL, customer TEXT, ref TEXT,
    status TEXT, created INTEGER NOT NULL, due INTEGER, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS thing_kind ON thing (kind, seq);
CREATE INDEX IF NOT EXISTS thing_customer ON thing (customer, kind, seq);
CREATE INDEX IF NOT EXISTS thing_ref ON thing (ref, kind, seq);
CREATE INDEX IF NOT EXISTS thing_due ON thing (due, seq) WHERE due IS NOT NULL;
CREATE TABLE IF NOT EXISTS usage (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, event_name TEXT NOT NULL, customer TEXT NOT NULL, at INTEGER NOT NULL,
    value INTEGER NOT NULL, identifier TEXT NOT NULL, received INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS usage_at ON usage (event_name, customer, at);
CREATE INDEX IF NOT EXISTS usage_identifier ON usage (identifier, received);
CREATE TABLE IF NOT EXISTS answer (
    key TEXT PRIMARY KEY, print TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL, request TEXT NOT NULL,
    at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS delivery (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, url TEXT NOT NULL, secret TEXT NOT NULL,
    body TEXT NOT NULL, due INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL, said TEXT);
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (state, due, seq);
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_COLUMNS = "customer", "ref", "status", "created"
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"


def new_id(prefix: str) -> str:
    """Such as cus_ and twenty letters and digits."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(20))


class Store:
    """path: a file, or None to forget everything at the end."""

    def __init__(self, path: Path | None = None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self.lock = threading.RLock()
        self._db = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.executescript(_SCHEMA)
        self._depth = 0

    def close(self) -> None:
        with self.lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Alone in here; all of it is kept or none. Inside another one it is part of that."""
        with self.lock:
            if self._depth:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            finally:
                self._depth = 0

    @contextmanager
    def scratch(self) -> Iterator[None]:
        """Whatever is done in here is undone at the end. Only inside a transaction."""
        self._db.execute("SAVEPOINT scratch")
        try:
            yield
        finally:
            self._db.execute("ROLLBACK TO scratch")
            self._db.execute("RELEASE scratch")

    def execute(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of one statement, for the tables that hold no objects."""
        with self.lock:
            return self._db.execute(sql, values).fetchall()

    def get(self, id_: str) -> Thing | None:
        rows = self.execute("SELECT body FROM thing WHERE id = ?", (id_,))
        return json.loads(rows[0][0]) if rows else None

    def put(self, thing: Thing) -> Thing:
        """Keep `thing` as it now is. `_ref` is what else it is found by, `_due` when something must happen to it."""
        customer = thing["id"] if thing["object"] == "customer" else thing.get("customer")
        values = (
            thing["object"], customer, thing.get("_ref"), thing.get("status"), thing["created"], thing.get("_due"),
            json.dumps(thing, separators=(",", ":")), thing["id"],
        )  # fmt: skip
        if not self.execute(
            "UPDATE thing SET kind=?, customer=?, ref=?, status=?, created=?, due=?, body=? WHERE id=? RETURNING 1",
            values,
        ):
            self.execute(
                "INSERT INTO thing (kind, customer, ref, status, created, due, body, id) VALUES (?,?,?,?,?,?,?,?)",
                values,
            )
        return thing

    def forget(self, id_: str) -> None:
        self.execute("DELETE FROM thing WHERE id = ?", (id_,))

    def all(self, kind: str, *, limit: int = -1, newest: bool = False, **where: str | None) -> list[Thing]:
        """Objects of a kind, oldest first unless newest; `where` by customer, ref, status; None means any."""
        given = {name: value for name, value in where.items() if value is not None}
        if not set(given) <= set(_COLUMNS):
            raise ValueError(f"Not a column: {given}")
        clause = "".join(f" AND {name} = ?" for name in given)
        order = "DESC" if newest else "ASC"
        rows = self.execute(
            f"SELECT body FROM thing WHERE kind = ?{clause} ORDER BY seq {order} LIMIT ?",  # noqa: S608  (our columns)
            (kind, *given.values(), limit),
        )
        return [json.loads(body) for (body,) in rows]

    def next_due(self, until: int) -> tuple[int, Thing] | None:
        """What must happen first, no later than `until`, and when."""
        rows = self.execute("SELECT due, body FROM thing WHERE due <= ? ORDER BY due, seq LIMIT 1", (until,))
        return (rows[0][0], json.loads(rows[0][1])) if rows else None

    def fact(self, name: str, default: Any = None) -> Any:  # noqa: ANN401  (any JSON)
        rows = self.execute("SELECT value FROM fact WHERE name = ?", (name,))
        return json.loads(rows[0][0]) if rows else default

    def set_fact(self, name: str, value: Any) -> None:  # noqa: ANN401
        self.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, json.dumps(value)))
