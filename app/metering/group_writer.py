"""The thread behind the recorder: writes groups of events and never gives one up without saying so."""

import asyncio
import logging
import random
import threading
from collections.abc import Callable
from enum import Enum, auto
from queue import Empty, SimpleQueue
from time import monotonic, perf_counter

from sqlalchemy import Engine

from app.metering.ledger import EventRow
from app.metering.ledger_connection import LedgerConnection

log = logging.getLogger(__name__)

LARGEST_GROUP = 1_000
FIRST_PAUSE_S = 0.01
LONGEST_PAUSE_S = 1.0
CONFLICTS_BEFORE_SPLIT = 3


class Entry:
    """An event on its way to the ledger.

    done: settled once its waiter knows; None when nobody waits and the event is to be written all the same.
    until: by the monotonic clock, how long the waiter waits.
    """

    __slots__ = ("done", "row", "until")

    def __init__(self, row: EventRow, done: asyncio.Future[None] | None = None, until: float = 0.0) -> None:
        self.row = row
        self.done = done
        self.until = until

    @property
    def is_withdrawn(self) -> bool:
        """Whether its waiter has given up. Asked from both threads: who withdraws in the moment of the commit is
        found out when the outcome is told, and the event is reversed (recorder.py).
        """
        return self.done is not None and self.done.done()


class Outcome(Enum):
    WRITTEN = auto()
    WITHDRAWN = auto()
    REFUSED = auto()


class GroupWriter:
    """Takes entries from a queue and tells what became of each, exactly once."""

    def __init__(
        self,
        engine: Engine,
        *,
        tell: Callable[[Outcome, list[Entry]], None],
        on_commit: Callable[[int, float], None],
    ) -> None:
        """tell and on_commit (events, seconds) are called in the thread."""
        self._connection = LedgerConnection(engine)
        self._tell = tell
        self._on_commit = on_commit
        self._queue: SimpleQueue[Entry | None] = SimpleQueue()
        self._abandoned = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self.put = self._queue.put
        self.start = self._thread.start
        self.failing_since: float | None = None
        """When (by the monotonic clock) writing began to fail; None while it works."""
        self.failed_at = 0.0
        """When it last did."""

    def stop(self, *, timeout_s: float) -> bool:
        """Write what was put, for at most timeout_s seconds; gives whether all of it was. Blocks."""
        self._queue.put(None)
        self._thread.join(timeout_s)
        self._abandoned.set()
        return not self._thread.is_alive()

    def _run(self) -> None:
        is_last = False
        while not is_last and not self._abandoned.is_set():
            group, is_last = self._next_group()
            self._write(group)
        self._connection.discard()

    def _next_group(self) -> tuple[list[Entry], bool]:
        """All that has come, waiting for the first; and whether it was the last."""
        group: list[Entry] = []
        entry = self._queue.get()
        while entry is not None:
            group.append(entry)
            if len(group) == LARGEST_GROUP:
                return group, False
            try:
                entry = self._queue.get_nowait()
            except Empty:
                return group, False
        return group, True

    def _write(self, group: list[Entry], *, is_doubtful: bool = False) -> None:
        """Write a group, however often that takes; it gets shorter as entries meet their end.

        is_doubtful: an earlier try may have been committed without our hearing of it, so look before writing again.
        """
        pause_s = FIRST_PAUSE_S
        conflicts = 0
        while group and not self._abandoned.is_set():
            try:
                self._try_once(group, is_doubtful=is_doubtful)
            except Exception as problem:  # noqa: BLE001  (one event must not stop all others; it is told below)
                if self._connection.is_passing(problem):
                    self._fail(problem)
                    self._abandoned.wait(pause_s * random.uniform(0.5, 1.5))  # noqa: S311  (jitter, not a secret)
                    pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
                elif self._connection.is_conflict(problem) and conflicts < CONFLICTS_BEFORE_SPLIT:
                    conflicts += 1
                else:
                    self._split(group, problem)
                    return
            is_doubtful = True

    def _try_once(self, group: list[Entry], *, is_doubtful: bool) -> None:
        began = perf_counter()
        if is_doubtful:
            known = self._connection.existing([entry.row["id"] for entry in group])
            self._take_out(group, Outcome.WRITTEN, [entry for entry in group if entry.row["id"] in known])
        self._take_out(group, Outcome.WITHDRAWN, [entry for entry in group if entry.is_withdrawn])
        if group:
            self._connection.write([entry.row for entry in group])
            self._on_commit(len(group), perf_counter() - began)
            if self.failing_since is not None:  # before anybody is told, so that their next call is not refused
                self.failing_since = None
                log.info("ledger.recovered")
            self._take_out(group, Outcome.WRITTEN, list(group))

    def _take_out(self, group: list[Entry], outcome: Outcome, entries: list[Entry]) -> None:
        if entries:
            taken = set(entries)
            group[:] = [entry for entry in group if entry not in taken]
            self._tell(outcome, entries)

    def _split(self, group: list[Entry], problem: Exception) -> None:
        """Find the event that the database refuses, so that it alone fails."""
        if len(group) > 1:
            middle = len(group) // 2
            self._write(group[:middle], is_doubtful=True)
            self._write(group[middle:], is_doubtful=True)
        else:
            log.error("ledger.refused", extra={"receipt": group[0].row["id"]}, exc_info=problem)
            self._take_out(group, Outcome.REFUSED, list(group))

    def _fail(self, problem: Exception) -> None:
        self.failed_at = monotonic()
        if self.failing_since is None:
            self.failing_since = monotonic()
            log.error("ledger.failing", extra={"error": str(problem).splitlines()[0]})
        self._connection.discard()
