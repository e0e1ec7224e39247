"""The thread that brings what waits on disk into the ledger: this process's own, and what dead ones left behind.

Every event is looked for before it is written, so that draining the same file twice, or an event whose commit had
worked after all, adds nothing.
"""

import logging
import threading
from collections.abc import Iterable, Sequence
from time import monotonic

import msgspec
from sqlalchemy import Engine

from app.metering import spool as spools
from app.metering.entry import Entry
from app.metering.ledger_connection import LedgerConnection
from app.metering.spool import Spool, Waiting
from app.metering.spool_file import Broken

log = logging.getLogger(__name__)

EVERY_S = 0.2
LONGEST_PAUSE_S = 2.0
ORPHANS_EVERY_S = 10.0
BATCH = 500
"""Events in a transaction, about."""


class Drain:
    """`start` and `stop` are for the recorder."""

    def __init__(self, engine: Engine, spool: Spool) -> None:
        self._connection = LedgerConnection(engine)
        self._spool = spool
        self._drained = 0
        self._orphans_at = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drain", daemon=True)
        self.start = self._thread.start

    def stop(self, *, timeout_s: float) -> None:
        """Try once more, for at most timeout_s seconds; what is left waits for the next process here. Blocks."""
        self._stopping.set()
        self._thread.join(timeout_s)
        if not self._thread.is_alive():
            self._spool.close()

    def _run(self) -> None:
        pause_s = EVERY_S
        while True:
            is_last = self._stopping.is_set()
            try:
                self._own()
                if monotonic() >= self._orphans_at and not is_last:
                    self._adopt()
                    self._orphans_at = monotonic() + ORPHANS_EVERY_S
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

    def _own(self) -> None:
        """Until nothing of this process's waits any more."""
        while self._spool.is_active:
            self._catch_up()
            if self._spool.finish(self._drained, self._write):
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
                    self._write(batch)
                    self._drained, batch = number, []
        if batch:
            self._write(batch)
            self._drained = number

    def _adopt(self) -> None:
        for file in self._spool.orphans():
            try:
                count = self._write_all(spools.groups_in(file))
            except (Broken, msgspec.MsgspecError) as problem:
                kept = file.set_aside()
                log.error("spool.broken", extra={"file": str(kept), "why": str(problem)})
                continue
            except BaseException:
                file.close()
                raise
            log.info("spool.adopted", extra={"file": file.path.name, "events": count})
            file.remove()

    def _write_all(self, groups: Iterable[list[Waiting]]) -> int:
        written, batch = 0, []
        for group in groups:
            batch += group
            if len(batch) >= BATCH:
                written += self._write(batch)
                batch = []
        return written + self._write(batch)

    def _write(self, group: Sequence[Waiting]) -> int:
        """Those of a group that the ledger lacks. Gives how many there were. Raises what the driver raises."""
        known = self._connection.existing([one.row["id"] for one in group])
        missing = [_entry(one) for one in group if one.row["id"] not in known]
        if missing:
            try:
                self._connection.write(missing)
            except Exception as problem:
                if self._connection.is_passing(problem):
                    raise
                self._split(group, problem)
        return len(missing)

    def _split(self, group: Sequence[Waiting], problem: Exception) -> None:
        """Find the event that the database refuses, so that all others get in; it stays in the log in full."""
        if len(group) > 1:
            middle = len(group) // 2
            self._write(group[:middle])
            self._write(group[middle:])
        else:
            lost = msgspec.json.encode(group[0].row).decode()
            log.error("spool.refused", extra={"receipt": group[0].row["id"], "row": lost}, exc_info=problem)


def _entry(one: Waiting) -> Entry:
    entry = Entry(one.row, settlements=one.settlements, answer=one.answer)
    entry.is_owed = True
    entry.receipt = one.receipt
    return entry
