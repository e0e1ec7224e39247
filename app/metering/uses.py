"""Where and how keys are used: counted by the gateway as calls come, written down by the notebook's thread.

What is counted only grows, and the thread remembers how far it has written: so nobody waits, and nothing is lost when
the database is away for a while. Who uses which key is a `Use`, which the event loop keeps at hand (standing.py).
"""

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from time import monotonic
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, bindparam, case, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError, SQLAlchemyError

from app.core import clock, db
from app.keys import seen
from app.keys.models import Key
from app.keys.seen_models import ADDRESS_LENGTH, CLIENT_LENGTH, KeySighting, SecretUse

log = logging.getLogger(__name__)

AT_ONCE = 500
"""Uses in one transaction, so that events do not wait long for it."""
KNOWN_AT_MOST = 20_000
SIGHTED_EVERY_S = 60.0
"""A key that goes on being used from one place is sighted there this often."""

_KEYS = db.metadata.tables[str(Key.__tablename__)]
_SECRETS = db.metadata.tables[str(SecretUse.__tablename__)]
_SIGHTINGS = db.metadata.tables[str(KeySighting.__tablename__)]
_OF_THE_ROWS = (DataError, IntegrityError, ProgrammingError)
_LAST_USED = (
    _KEYS.update()
    .where(
        _KEYS.c.id == bindparam("key_id"),
        or_(_KEYS.c.last_used_at.is_(None), _KEYS.c.last_used_at < bindparam("used_at")),
    )
    .values(last_used_at=bindparam("used_at"), last_address=bindparam("by_address"), last_client=bindparam("by_client"))
)


class Use:
    """One secret of a key, used from one address by one client. calls, at, client: the event loop's; the rest the
    thread's, save is_waiting, which tells the loop whether the thread knows already.

    client: its User-Agent, until it has said more of itself. is_introduced: whether it was asked for that.
    """

    __slots__ = (
        *("address", "at", "calls", "client", "is_introduced", "is_waiting"),
        *("key_id", "secret", "sighted_at", "written"),
    )

    def __init__(self, key_id: UUID, secret: str, address: str, client: str) -> None:
        self.key_id = key_id
        self.secret = secret
        self.address = address
        self.client = client
        self.at = clock.now()
        self.calls = self.written = 0
        self.is_introduced = self.is_waiting = False
        self.sighted_at: float | None = None

    def introduce(self, client: str) -> None:
        """It calls itself so; "" for one that says no more than its User-Agent."""
        self.is_introduced = True
        if client and client != self.client:
            self.client = client[:CLIENT_LENGTH]
            self.sighted_at = None


class Uses:
    """`use`, `used` and `called` are for the event loop and never wait; `write` is for the thread."""

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, str, str], Use] = {}
        self._waiting: deque[Use] = deque()

    def use(self, key_id: UUID, digest: bytes, *, address: str, client: str) -> Use:
        """The use of a secret from there. digest: of the secret. client: what it calls itself."""
        place = (digest, address, client)
        found = self._known.get(place)
        if found is None:
            if len(self._known) >= KNOWN_AT_MOST:
                self._known.clear()  # whoever still holds one of them goes on counting with it
            secret = seen.secret_id(digest.hex())
            found = self._known[place] = Use(key_id, secret, address[:ADDRESS_LENGTH], client[:CLIENT_LENGTH])
        return found

    def used(self, use: Use, at: datetime) -> None:
        """A secret has just opened the door."""
        use.at = at
        if not use.is_waiting:
            use.is_waiting = True
            self._waiting.append(use)

    def called(self, use: Use, at: datetime) -> None:
        """And a call of a tool goes through it."""
        use.at = at
        use.calls += 1
        if not use.is_waiting:
            use.is_waiting = True
            self._waiting.append(use)

    def write(self, engine: Engine) -> None:
        """Write down what has come. What the database has no time for now is for the next time."""
        waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
        for start in range(0, len(waiting), AT_ONCE):
            batch = waiting[start : start + AT_ONCE]
            for use in batch:
                use.is_waiting = False
            counted = [(use, use.calls, use.at) for use in batch]
            try:
                self._write(engine, counted)
            except _OF_THE_ROWS as problem:
                log.warning("keys.uses_lost", extra={"uses": len(batch), "error": str(problem).splitlines()[0]})
            except SQLAlchemyError as problem:  # the database is away
                log.debug("notes.later", extra={"error": str(problem).splitlines()[0]})
                self._put_back(waiting[start:])
                return
            for use, calls, _ in counted:
                use.written = calls

    def _put_back(self, uses: Iterable[Use]) -> None:
        for use in uses:
            if not use.is_waiting:
                use.is_waiting = True
                self._waiting.append(use)

    def _write(self, engine: Engine, counted: Sequence[tuple[Use, int, datetime]]) -> None:
        moment = monotonic()
        sighted = [use for use, _, _ in counted if use.sighted_at is None or moment - use.sighted_at >= SIGHTED_EVERY_S]
        of_secrets, of_sightings = _UPSERTS[engine.dialect.name]
        with engine.begin() as connection:
            connection.execute(of_secrets, list(_secret_rows(counted)))
            connection.execute(_LAST_USED, list(_key_rows(counted)))
            if sighted:
                connection.execute(of_sightings, _sighting_rows(sighted))
        for use in sighted:
            use.sighted_at = moment


def _secret_rows(counted: Sequence[tuple[Use, int, datetime]]) -> Iterator[dict[str, Any]]:
    """One for each secret and day. What was counted since the last time goes to the day of its last use."""
    calls: dict[tuple[UUID, date, str], int] = {}
    last: dict[tuple[UUID, date, str], tuple[datetime, Use]] = {}
    for use, count, at in counted:
        place = (use.key_id, at.astimezone(UTC).date(), use.secret)
        calls[place] = calls.get(place, 0) + count - use.written
        if place not in last or last[place][0] < at:
            last[place] = (at, use)
    for place in sorted(calls):
        key_id, used_on, secret = place
        at, use = last[place]
        row = {"key_id": key_id, "used_on": used_on, "secret": secret, "calls": calls[place], "last_at": at}
        yield {**row, "address": use.address, "client": use.client}


def _key_rows(counted: Sequence[tuple[Use, int, datetime]]) -> Iterator[dict[str, Any]]:
    last: dict[UUID, tuple[datetime, Use]] = {}
    for use, _, at in counted:
        if use.key_id not in last or last[use.key_id][0] < at:
            last[use.key_id] = (at, use)
    for key_id in sorted(last):
        at, use = last[key_id]
        yield {"key_id": key_id, "used_at": at, "by_address": use.address, "by_client": use.client}


def _sighting_rows(sighted: Sequence[Use]) -> list[dict[str, Any]]:
    """Each place once: several secrets of a key may be used from it."""
    rows: dict[tuple[UUID, str, str], datetime] = {}
    for use in sighted:
        place = (use.key_id, use.address, use.client)
        rows[place] = max(rows.get(place, use.at), use.at)
    return [
        {"key_id": key_id, "address": address, "client": client, "first_at": rows[place], "last_at": rows[place]}
        for place in sorted(rows)
        for key_id, address, client in (place,)
    ]


Upsert = postgresql.Insert | sqlite.Insert


def _secrets(statement: Upsert) -> Upsert:
    new, is_later = statement.excluded, statement.excluded.last_at >= _SECRETS.c.last_at
    latest = {name: case((is_later, new[name]), else_=_SECRETS.c[name]) for name in ("last_at", "address", "client")}
    return statement.on_conflict_do_update(
        index_elements=["key_id", "used_on", "secret"], set_={"calls": _SECRETS.c.calls + new.calls, **latest}
    )


def _sightings(statement: Upsert) -> Upsert:
    last_at = statement.excluded.last_at
    return statement.on_conflict_do_update(
        index_elements=["key_id", "address", "client"],
        set_={"last_at": case((last_at >= _SIGHTINGS.c.last_at, last_at), else_=_SIGHTINGS.c.last_at)},
    )


_UPSERTS = {
    "sqlite": (_secrets(sqlite.insert(_SECRETS)), _sightings(sqlite.insert(_SIGHTINGS))),
    "postgresql": (_secrets(postgresql.insert(_SECRETS)), _sightings(postgresql.insert(_SIGHTINGS))),
}
"""By dialect."""
