"""Requests about which the same was decided within a few seconds, written down together: what `postern explain` knows
of those that make neither an event nor a row of refused tries.

Each request that joins a crowd gets an id that names it, so that no list of ids has to be kept: a flood costs one row.
"""

from collections.abc import Callable
from datetime import datetime
from time import monotonic
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Engine, bindparam, delete
from sqlmodel import Session, col, select

from app.core import db, ids
from app.metering.models import Crowd

LET_IN = "let_in"
REPLAYED = "replayed"
DECLINED = "declined"
ARRAY = "array"
ASKED = "asked"
WITHHELD = "withheld"
REFUSED = "refused"
"""let_in: free. replayed: answered as the first try was. declined: let in, but not made. array: taken apart into
requests of their own. asked: let in, and the integration asked for input, so that the caller's next request is the
call. withheld: made, but not to be written down, so its answer was kept back. refused: for the reason given.
"""

LIFETIME_S = 10.0

_CROWDS = db.metadata.tables[str(Crowd.__tablename__)]
_GREW = (
    _CROWDS.update()
    .where(_CROWDS.c.id == bindparam("of"))
    .values(count=bindparam("so_many"), last_at=bindparam("until"))
)


class Alike(NamedTuple):
    """What is the same for all in a crowd; see models.Crowd."""

    decision: str
    policy_version: int
    reason: str = ""
    http_status: int = 0
    organisation_id: UUID | None = None
    key_id: UUID | None = None
    integration_id: UUID | None = None
    path: str = ""
    method: str = ""
    tool: str = ""
    key_hint: str = ""
    rule_id: UUID | None = None
    rules: str = ""
    receipt: str = ""

    def in_general(self) -> "Alike":
        """What is left to say when there are too many different ones."""
        return Alike(self.decision, self.policy_version, self.reason, self.http_status)


class _Open:
    __slots__ = ("alike", "at", "began", "count", "detail", "id", "last_at", "written")

    def __init__(self, alike: Alike, request_id: str, at: datetime, detail: str) -> None:
        self.alike = alike
        self.id = request_id
        self.at = self.last_at = at
        self.detail = detail
        self.began = monotonic()
        self.count = self.written = 0

    def row(self) -> dict[str, Any]:
        count, last_at = self.count, self.last_at
        told = {"id": self.id, "name": self.id[ids.NAME], "at": self.at, "last_at": last_at, "count": count}
        return {**told, "detail": self.detail, **self.alike._asdict()}

    def growth(self) -> dict[str, Any]:
        """For _GREW."""
        return {"of": self.id, "so_many": self.count, "until": self.last_at}


class Crowds:
    """`join` and `alone` are for the event loop, `write` for the thread that writes notes down."""

    def __init__(self, *, most: int, on_new: Callable[[], object] = lambda: None) -> None:
        """most: crowds at a time; more are put together whatever else is different about them. on_new: called when
        there is something to be written soon.
        """
        self._most = most
        self._on_new = on_new
        self._open: dict[Alike, _Open] = {}
        self._new: list[_Open] = []
        self._closing: list[_Open] = []

    def join(self, alike: Alike, *, at: datetime, detail: str = "") -> str:
        """The id that one more such request goes by from now on; "" when not even the general kind has room.

        detail: kept of the first.
        """
        found = self._open.get(alike)
        if found is None:
            if len(self._open) >= self._most:
                alike, detail = alike.in_general(), ""
                found = self._open.get(alike)
            if found is None:
                return self._begin(alike, ids.request_id(), at, detail)
        found.count += 1
        found.last_at = at
        return ids.request_id_in(found.id[ids.NAME])

    def alone(self, alike: Alike, request_id: str, *, at: datetime) -> None:
        """Of a request that has its id already. alike: with a receipt, so that no other is like it."""
        if len(self._open) < self._most:
            self._begin(alike, request_id, at, "")

    def write(self, engine: Engine, *, is_last: bool = False) -> None:
        """Write down what is new, and how large those have grown that are over: all of them, at the last.

        Raises SQLAlchemyError: then all of it is for the next time.
        """
        rows = [(one, one.row()) for one in list(self._new)]
        self._closing += self._over(0.0 if is_last else LIFETIME_S)
        grown = [one.growth() for one in self._closing if one.count != one.written]
        if rows or grown:
            with engine.begin() as connection:
                if rows:
                    connection.execute(_CROWDS.insert(), [row for _, row in rows])
                if grown:
                    connection.execute(_GREW, grown)
        self._closing.clear()
        for one, row in rows:
            one.written = row["count"]
        del self._new[: len(rows)]  # the loop adds at the other end meanwhile

    def give_up(self) -> int:
        """Forget what is new, because the database will never take some of it; gives how many that were."""
        lost = len(self._new)
        for one in self._new[:lost]:
            self._open.pop(one.alike, None)
        del self._new[:lost]
        return lost

    def _begin(self, alike: Alike, request_id: str, at: datetime, detail: str) -> str:
        if len(self._open) >= 2 * self._most:
            return ""
        begun = self._open[alike] = _Open(alike, request_id, at, detail)
        begun.count = 1
        self._new.append(begun)
        self._on_new()
        return request_id

    def _over(self, lifetime_s: float) -> list[_Open]:
        """Take away those that have lasted so long and are in the database."""
        now = monotonic()
        over = [one for one in list(self._open.values()) if one.written and now - one.began >= lifetime_s]
        for one in over:
            del self._open[one.alike]
        return over


def of_request(session: Session, request_id: str) -> Crowd | None:
    """The crowd that a request belongs to, as its id says."""
    until = request_id[: ids.NAME.stop].ljust(len(request_id), "Z")  # the first may be of the same millisecond
    named = select(Crowd).where(Crowd.name == request_id[ids.NAME], Crowd.id <= until)
    return session.exec(named.order_by(col(Crowd.id).desc())).first()


def forget(session: Session, *, before: datetime) -> int:
    """Delete crowds that began before `before`; gives how many."""
    return db.changed_rows(session, delete(Crowd).where(col(Crowd.id) < ids.lowest_request(before)))
