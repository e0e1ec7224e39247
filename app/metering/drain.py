"""The thread that brings what waits on disk into the ledger: this process's own, and what dead ones left behind."""

import logging
import threading
from functools import partial
from math import inf
from time import monotonic

from sqlalchemy import Engine

from app.metering import drained
from app.metering.drained import BATCH
from app.metering.ledger_connection import LedgerConnection
from app.metering.spool import Spool, Waiting

log = logging.getLogger(__name__)

EVERY_S = 0.2
LONGEST_PAUSE_S = 2.0
ORPHANS_EVERY_S = 10.0
PUT_OFF_AT_MOST = 10


class Drain:
    """`start` and `stop` are for the recorder."""

    def __init__(self, engine: Engine, spool: Spool) -> None:
        self._connection = LedgerConnection(engine)
        self._spool = spool
        self._drained = 0
        self._orphans_at = 0.0
        self._adopted_at = -inf
        self._put_off = 0
        self._has_looked = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drain", daemon=True)
        self.start = self._thread.start

    def stop(self, *, timeout_s: float) -> None:
        """Try once more, for at most timeout_s seconds; what is left waits for the next process here. Blocks."""
        self._stopping.set()
        self._thread.join(timeout_s)
        if not self._thread.is_alive():
            self._spool.close()

    def wait_until_looked(self, *, timeout_s: float) -> None:
        """Block until all that the dead had left behind here is in the ledger, for at most timeout_s seconds."""
        self._has_looked.wait(timeout_s)

    def has_adopted(self, *, within_s: float) -> bool:
        """Whether all that the dead had left behind so many seconds ago is in the ledger. If not, it is looked for at
        once; who has asked often enough is told that it is, because nobody can be kept waiting for it for ever.
        """
        if monotonic() - self._adopted_at <= within_s or self._put_off >= PUT_OFF_AT_MOST:
            self._put_off = 0
            return True
        self._put_off += 1
        self._orphans_at = 0.0
        return False

    def _run(self) -> None:
        pause_s = EVERY_S
        while True:
            is_last = self._stopping.is_set()
            try:
                self._own()
                if monotonic() >= self._orphans_at and not is_last:
                    self._adopt()
                pause_s = EVERY_S
            except Exception as problem:
                self._connection.discard()
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
                if not self._connection.is_passing(problem):
                    log.exception("spool.failing")
            if is_last:
                self._connection.discard()
                return
            self._stopping.wait(pause_s)

    def _adopt(self) -> None:
        """What the dead left behind."""
        began = monotonic()
        drained.adopt(self._connection, self._spool)
        self._adopted_at, self._orphans_at = began, began + ORPHANS_EVERY_S
        self._has_looked.set()

    def _own(self) -> None:
        """Until nothing of this process's waits any more."""
        while self._spool.is_active:
            self._catch_up()
            if self._spool.finish(self._drained, partial(drained.write, self._connection)):
                log.info("spool.drained")
                self._drained = 0

    def _catch_up(self) -> None:
        """Up to what has come by now, in large transactions: calls go on, and must not come faster than this goes."""
        batch: list[Waiting] = []
        number = 0
        for number, group in enumerate(self._spool.groups(), start=1):
            if number > self._drained:
                batch += group
                if len(batch) >= BATCH:
                    drained.write(self._connection, batch)
                    self._drained, batch = number, []
        if batch:
            drained.write(self._connection, batch)
            self._drained = number
