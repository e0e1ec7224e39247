"""Notes that a gateway takes beside the ledger: when keys were used, which tries it refused, and what else it decided.

None is worth a wait: they are written by a thread of their own, and what is much the same is put together (crowds.py).
Losing some of them when a process dies is fine; nothing is billed by them.
"""

import logging
import threading
from collections import deque
from datetime import datetime
from time import monotonic
from typing import TypedDict
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError, SQLAlchemyError

from app.core import db
from app.metering.crowds import Crowds
from app.metering.models import Attempt
from app.metering.uses import Uses

log = logging.getLogger(__name__)

WAITING_AT_MOST = 200
PER_SECOND = 50
REFUSED_CROWDS = 200
CROWDS = 2_000
"""At a time: of refused tries, and of everything else."""
USES_EVERY_S = 5.0
PAUSE_S = 0.1
"""Between two writes of refused tries: soon enough for somebody who watches the page, rare enough for the disk."""

_OF_THE_ROWS = (DataError, IntegrityError, ProgrammingError)
"""What will not be better at the next try."""

_ATTEMPTS = db.metadata.tables[str(Attempt.__tablename__)]


class AttemptRow(TypedDict):
    """A row of attempt; see models.Attempt."""

    id: str
    at: datetime
    organisation_id: UUID | None
    key_id: UUID | None
    address_digest: str
    reason: str
    http_status: int
    path: str
    method: str
    tool: str
    key_hint: str
    detail: str
    rule_id: UUID | None
    policy_version: int


class Notebook:
    """`refused` never waits and may be called from the event loop, as may what the crowds and `uses` have for it.

    refused_crowds: for tries that `refused` does not keep; crowds: for all else.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.uses = Uses()
        self._attempts: deque[AttemptRow] = deque()
        self._allowance = float(PER_SECOND)
        self._allowed_at = monotonic()
        self._news = threading.Event()
        self.refused_crowds = Crowds(most=REFUSED_CROWDS, on_new=self._news.set)
        self.crowds = Crowds(most=CROWDS, on_new=self._news.set)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notebook", daemon=True)
        self.start = self._thread.start

    def stop(self, *, timeout_s: float) -> None:
        """Write what is noted, for at most timeout_s seconds; blocks."""
        self._stopping.set()
        self._news.set()
        self._thread.join(timeout_s)

    def refused(self, row: AttemptRow) -> bool:
        """Keep a refused try; False when there are too many to keep them all."""
        now = monotonic()
        self._allowance = min(PER_SECOND, self._allowance + (now - self._allowed_at) * PER_SECOND)
        self._allowed_at = now
        if self._allowance < 1 or len(self._attempts) >= WAITING_AT_MOST:
            return False
        self._allowance -= 1
        self._attempts.append(row)
        self._news.set()
        return True

    def _run(self) -> None:
        uses_written_at = monotonic()
        while not self._stopping.is_set():
            self._news.wait(USES_EVERY_S)
            self._news.clear()
            self._write_attempts()
            self._write_crowds()
            if monotonic() - uses_written_at >= USES_EVERY_S:
                self.uses.write(self._engine)
                uses_written_at = monotonic()
            self._stopping.wait(PAUSE_S)
        self._write_attempts()
        self._write_crowds(is_last=True)
        self.uses.write(self._engine)

    def _write_attempts(self) -> None:
        rows = [self._attempts.popleft() for _ in range(len(self._attempts))]
        if rows:
            try:
                with self._engine.begin() as connection:
                    connection.execute(_ATTEMPTS.insert(), rows)
            except _OF_THE_ROWS as problem:
                log.warning("attempts.lost", extra={"attempts": len(rows), "error": str(problem).splitlines()[0]})
            except SQLAlchemyError as problem:  # the database is away: they wait, and others join crowds meanwhile
                self._attempts.extendleft(reversed(rows))
                log.debug("notes.later", extra={"error": str(problem).splitlines()[0]})

    def _write_crowds(self, *, is_last: bool = False) -> None:
        for crowds in (self.refused_crowds, self.crowds):
            try:
                crowds.write(self._engine, is_last=is_last)
            except _OF_THE_ROWS as problem:
                lost = crowds.give_up()
                log.warning("attempts.lost", extra={"attempts": lost, "error": str(problem).splitlines()[0]})
            except SQLAlchemyError as problem:  # the database is away
                log.debug("notes.later", extra={"error": str(problem).splitlines()[0]})
