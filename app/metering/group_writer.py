"""The thread behind the recorder: writes groups of events and never gives one up without saying so."""

import logging
import random
import threading
from collections.abc import Callable, Sequence
from enum import Enum, auto
from queue import SimpleQueue
from time import monotonic, perf_counter

from sqlalchemy import Engine

from app.metering import receipts
from app.metering.entry import Entry
from app.metering.ledger_connection import LedgerConnection
from app.metering.signing import Signer
from app.metering.spool import Spool

log = logging.getLogger(__name__)

LARGEST_PUT = 500
"""So many entries are put at once, at most; a group is one or two of these, or many small ones."""
FIRST_PAUSE_S = 0.01
LONGEST_PAUSE_S = 1.0
CONFLICTS_BEFORE_SPLIT = 3
TRIES_BEFORE_REFUSAL = 5
"""Of a group with which our own code fails."""
TRIES_BEFORE_SPOOL = 2
"""A connection that the database closed is opened again at the second try; what fails then is the database."""
PATIENCE_S = 1.0
"""A try that took longer is not followed by another before the disk is turned to: callers wait."""


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
        make_signer: Callable[[], Signer] | None = None,
        spool: Spool | None = None,
    ) -> None:
        """tell and on_commit (events, seconds) are called in the thread.

        make_signer: asked when it is first needed; without it receipts are ids. spool: where events wait while the
        database is away; without it they wait here until their callers give up.
        """
        self._connection = LedgerConnection(engine, sign=self._sign)
        self._tell = tell
        self._on_commit = on_commit
        self._make_signer = make_signer
        self._signer: Signer | None = None
        self._spool = spool
        self._queue: SimpleQueue[list[Entry] | None] = SimpleQueue()
        self._abandoned = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self.put = self._queue.put
        self.start = self._thread.start
        self.failing_since: float | None = None
        """When (by the monotonic clock) writing began to fail; None while it works."""
        self.failed_at = 0.0
        """When it last did."""
        self.has_ended = False
        """Whether nothing is written any more, wanted or not."""

    def stop(self, *, timeout_s: float) -> bool:
        """Write what was put, for at most timeout_s seconds; gives whether all of it was. Blocks."""
        self._queue.put(None)
        self._thread.join(timeout_s)
        self._abandoned.set()
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._find_signer()
            is_last = False
            while not is_last and not self._abandoned.is_set():
                group, is_last = self._next_group()
                self._write_in_spite_of_us(group)
            self._connection.discard()
        finally:
            self.has_ended = True

    def _next_group(self) -> tuple[list[Entry], bool]:
        """All that has come, waiting for the first; and whether it was the last."""
        group: list[Entry] = []
        entries = self._queue.get()
        while entries is not None:
            group += entries
            if len(group) > LARGEST_PUT or self._queue.empty():
                return group, False
            entries = self._queue.get_nowait()  # nobody else takes from it
        return group, True

    def _write_in_spite_of_us(self, group: list[Entry]) -> None:
        """Write a group. A mistake of ours must not end the thread: it is logged, and the group tried again; then given
        up, each event with its row in the log.
        """
        for number in range(TRIES_BEFORE_REFUSAL):
            try:
                self._write(group, is_doubtful=number > 0)
                return
            except Exception as problem:
                log.exception("ledger.bug", extra={"events": len(group)})
                self._connection.discard()
                self._fail(problem)
                self._abandoned.wait(FIRST_PAUSE_S * 2**number)
        for entry in group:
            log.error("ledger.refused", extra={"receipt": entry.row["id"], "row": str(entry.row)})
        self._take_out(group, Outcome.REFUSED, list(group))

    def _write(self, group: list[Entry], *, is_doubtful: bool = False) -> None:
        """Write a group, however often that takes; it gets shorter as entries meet their end.

        is_doubtful: an earlier try may have been committed without our hearing of it, so look before writing again.
        """
        pause_s = FIRST_PAUSE_S
        conflicts = failures = 0
        while group and not self._abandoned.is_set():
            if self._is_spooling and self._put_away(group, is_following=True):
                return
            began = monotonic()
            try:
                self._try_once(group, is_doubtful=is_doubtful)
            except Exception as problem:  # noqa: BLE001  (one event must not stop all others; it is told below)
                if self._connection.is_passing(problem):
                    self._connection.discard()
                    failures += 1 if monotonic() - began < PATIENCE_S else TRIES_BEFORE_SPOOL
                    if failures >= TRIES_BEFORE_SPOOL and self._put_away(group):
                        return
                    if self._spool is None or failures >= TRIES_BEFORE_SPOOL:
                        self._fail(problem)
                    self._abandoned.wait(pause_s * random.uniform(0.5, 1.5))  # noqa: S311  (jitter, not a secret)
                    pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
                elif self._connection.is_conflict(problem) and conflicts < CONFLICTS_BEFORE_SPLIT:
                    conflicts += 1
                else:
                    self._split(group, problem)
                    return
            is_doubtful = True

    @property
    def _is_spooling(self) -> bool:
        """Whether events wait on disk already: then more follow them there, without waiting for the database."""
        return self._spool is not None and self._spool.is_active

    def _try_once(self, group: list[Entry], *, is_doubtful: bool) -> None:
        began = perf_counter()
        if is_doubtful:
            known = self._connection.existing([entry.row["id"] for entry in group])
            self._take_out(group, Outcome.WRITTEN, [entry for entry in group if entry.row["id"] in known])
        self._take_out(group, Outcome.WITHDRAWN, [entry for entry in group if entry.is_withdrawn])
        if group:
            for entry in group:
                entry.receipt = ""
            self._connection.write(group)
            self._on_commit(len(group), perf_counter() - began)
            self._recovered()
            self._take_out(group, Outcome.WRITTEN, list(group))

    def _put_away(self, group: list[Entry], *, is_following: bool = False) -> bool:
        """Have a group wait on disk, if it can; gives whether it does. Then it is as good as written.

        is_following: only if others wait there still.
        """
        if self._spool is None:
            return False
        self._take_out(group, Outcome.WITHDRAWN, [entry for entry in group if entry.is_withdrawn])
        for entry in group:
            entry.month, entry.left_nanos, entry.receipt = None, None, ""
            entry.row["amount_nanos"] = entry.ceiling_nanos  # a try that failed may have set what it would have cost
        self._sign_with(self._signer, group)
        try:
            if group and not self._spool.put(group, is_following=is_following):
                return False
        except OSError as problem:
            self._fail(problem)
            return False
        self._recovered()
        self._take_out(group, Outcome.WRITTEN, list(group))
        return True

    def _take_out(self, group: list[Entry], outcome: Outcome, entries: list[Entry]) -> None:
        """Of a group; the list `entries` is another than `group`, and goes to whoever is told."""
        if entries:
            if len(entries) == len(group):
                group.clear()
            else:
                taken = set(entries)
                group[:] = [entry for entry in group if entry not in taken]
            if outcome is Outcome.WRITTEN:
                self._sign([entry for entry in entries if not entry.receipt])
            self._tell(outcome, entries)

    def _sign(self, entries: Sequence[Entry]) -> None:
        if entries:
            self._sign_with(self._signer or self._find_signer(), entries)

    def _sign_with(self, signer: Signer | None, entries: Sequence[Entry]) -> None:
        """Give receipts to entries whose totals are known, or will not be. Ids alone, when no key can be had."""
        if signer is None or not entries:
            for entry in entries:
                entry.receipt = entry.row["id"]
            return
        payloads = [
            (
                entry.row["id"],
                receipts.payload(entry.row, month=entry.month, left_nanos=entry.left_nanos, moment=entry.moment),
            )
            for entry in entries
        ]
        for entry, text in zip(entries, receipts.sign(payloads, signer), strict=True):
            entry.receipt = text

    def _find_signer(self) -> Signer | None:
        if self._make_signer is not None:
            try:
                self._signer = self._make_signer()
            except Exception:  # a call that is written down is not refused for want of a signature
                log.exception("signing_key.missing")
        return self._signer

    def _split(self, group: list[Entry], problem: Exception) -> None:
        """Find the event that the database refuses, so that it alone fails."""
        if len(group) > 1:
            middle = len(group) // 2
            halves = group[:middle], group[middle:]
            try:
                for half in halves:
                    self._write(half, is_doubtful=True)
            finally:
                group[:] = halves[0] + halves[1]
        else:
            log.error("ledger.refused", extra={"receipt": group[0].row["id"]}, exc_info=problem)
            self._take_out(group, Outcome.REFUSED, list(group))

    def _fail(self, problem: Exception) -> None:
        self.failed_at = monotonic()
        if self.failing_since is None:
            self.failing_since = monotonic()
            log.error("ledger.failing", extra={"error": (str(problem) or repr(problem)).splitlines()[0]})

    def _recovered(self) -> None:
        """Before anybody is told, so that their next call is not refused."""
        if self.failing_since is not None:
            self.failing_since = None
            log.info("ledger.recovered")
