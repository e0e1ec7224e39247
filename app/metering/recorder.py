"""The recorder: makes calls durable in groups, so that one commit serves all who wait for it.

A thread of its own writes as soon as it is free and takes all that came meanwhile. There is no timer: a lone call waits
for one commit and nothing else, and under load groups grow by themselves (docs/adr/0003).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from time import monotonic

from sqlalchemy import Engine

from app.core import clock
from app.core.errors import Unavailable
from app.limits import settling
from app.limits.holds import NOTHING_HELD, Reservation
from app.metering import ledger
from app.metering.drain import Drain
from app.metering.entry import Answer, Entry, Waiter
from app.metering.group_writer import LARGEST_PUT, GroupWriter, Outcome
from app.metering.ledger import EventRow
from app.metering.signing import Signer
from app.metering.spool import Spool, Stock

log = logging.getLogger(__name__)

SWEEP_S = 0.25
TROUBLED_AFTER_S = 1.0
TROUBLED_FOR_S = 3.0


class NotRecorded(Unavailable):
    """The call is not in the ledger, so its answer must be withheld; it costs nothing."""


class Recorder:
    """The event loop's side; every method but the constructor is for the loop's thread."""

    def __init__(
        self,
        engine: Engine,
        *,
        timeout_s: float,
        capacity: int = 20_000,
        on_commit: Callable[[int, float], None] = lambda size, seconds: None,
        make_signer: Callable[[], Signer] | None = None,
        spool: Spool | None = None,
    ) -> None:
        """timeout_s: longest that a caller waits. capacity: events under way at most.

        on_commit: told, in the writing thread, of each commit: how many events, and how many seconds it took.
        make_signer, spool: see GroupWriter; without them receipts are not signed, and while the database is away
        callers wait until they give up.
        """
        self._timeout_s = timeout_s
        self._capacity = capacity
        self._writer = GroupWriter(engine, tell=self._tell, on_commit=on_commit, make_signer=make_signer, spool=spool)
        self._drain = Drain(engine, spool) if spool is not None else None
        self._spool = spool
        self._waiting: deque[Entry] = deque()
        self._fresh: deque[Entry] = deque()
        self._under_way = 0

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin writing; the futures that `record` gives belong to `loop`."""
        self._loop = loop
        self._sweeper = loop.call_later(SWEEP_S, self._sweep)
        self._writer.start()
        if self._drain is not None:
            self._drain.start()

    def stop(self, *, timeout_s: float) -> None:
        """Write what is under way, for at most timeout_s seconds; blocks. Nothing may be recorded afterwards."""
        self._sweeper.cancel()
        self._hand_over()
        if not self._writer.stop(timeout_s=timeout_s):
            log.error("ledger.unfinished", extra={"events": self._under_way})
        if self._drain is not None:
            self._drain.stop(timeout_s=timeout_s)

    def wait_until_adopted(self, *, timeout_s: float) -> None:
        """Block until what the dead had left on this disk is in the ledger, for at most timeout_s seconds."""
        if self._drain is not None:
            self._drain.wait_until_looked(timeout_s=timeout_s)

    def has_adopted(self, *, within_s: float) -> bool:
        """Whether what they had left so many seconds ago is in the ledger. If not, it is looked for at once."""
        return self._drain is None or self._drain.has_adopted(within_s=within_s)

    @property
    def waiting_bytes(self) -> int:
        """How much waits on disk for the database."""
        return self._spool.size if self._spool is not None else 0

    def stock(self) -> Stock:
        """What waits on disk in this folder, that of others included."""
        return self._spool.stock() if self._spool is not None else Stock(files=0, size=0, oldest_s=0.0, broken=0)

    @property
    def is_troubled(self) -> bool:
        """Whether writing has been failing, and did so just now, or has ended: better to refuse a call than to make it
        in vain.

        Some seconds after the last failure calls are let through again, and show whether it works.
        """
        if self._writer.has_ended:
            return True
        since, now = self._writer.failing_since, monotonic()
        return since is not None and now - since > TROUBLED_AFTER_S and now - self._writer.failed_at < TROUBLED_FOR_S

    @property
    def under_way(self) -> int:
        """Events that are not written yet."""
        return self._under_way

    def record(
        self, row: EventRow, reservation: Reservation = NOTHING_HELD, *, answer: Answer | None = None
    ) -> asyncio.Future[str]:
        """Awaited, gives the receipt once `row` is durable; raises NotRecorded if it is not within timeout_s.

        reservation: what the call holds of limits, settled in the same transaction, and told how it ended unless this
        itself raises. answer: for a call with an idempotency key, kept in the transaction too.
        """
        done: asyncio.Future[str] = self._loop.create_future()
        self.record_for(done, row, reservation, answer=answer)
        return done

    def record_for(
        self, waiter: Waiter, row: EventRow, reservation: Reservation = NOTHING_HELD, *, answer: Answer | None = None
    ) -> None:
        """The same for `waiter`, who is told on the event loop, and must not raise."""
        self._admit()
        entry = _entry(row, reservation, answer)
        entry.done, entry.until = waiter, monotonic() + self._timeout_s
        self._waiting.append(entry)
        self._put(entry)

    def note(self, row: EventRow, reservation: Reservation = NOTHING_HELD, *, answer: Answer | None = None) -> None:
        """Write `row` down when possible; nobody waits for it (the caller has gone). Raises NotRecorded when full."""
        self._admit()
        self._put(_entry(row, reservation, answer))

    def _admit(self) -> None:
        if self._writer.has_ended:
            raise NotRecorded("Nothing is written to the ledger any more.")
        if self._under_way >= self._capacity:
            raise NotRecorded("Too many calls wait for the ledger.")
        self._under_way += 1

    def _put(self, entry: Entry) -> None:
        """Hand it over with all that come in the same turn of the loop: the thread is woken once, and not while the
        loop holds Python's lock.
        """
        if not self._fresh:
            self._loop.call_soon(self._hand_over)
        self._fresh.append(entry)

    def _hand_over(self) -> None:
        """One by one out of what is fresh: when the gateway stops, two threads may be here."""
        group: list[Entry] = []
        with suppress(IndexError):
            while True:
                group.append(self._fresh.popleft())
        for at in range(0, len(group), LARGEST_PUT):
            self._writer.put(group[at : at + LARGEST_PUT])

    def _tell(self, outcome: Outcome, entries: list[Entry]) -> None:
        """From the thread. When the loop has ended nobody is left to be told, and the rows are where they are."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._settle, outcome, entries)

    def _settle(self, outcome: Outcome, entries: list[Entry]) -> None:
        is_written = outcome is Outcome.WRITTEN
        for entry in entries:
            if entry.reservation is not NOTHING_HELD:
                if is_written:
                    entry.reservation.written()
                else:
                    entry.reservation.given_back()
            done = entry.done
            if done is None:
                continue
            if done.done():
                if is_written:
                    self._reverse(entry)
            elif is_written:
                done.set_result(entry.receipt)
            else:
                done.set_exception(NotRecorded("The ledger refused the event."))
        self._under_way -= len(entries)  # only now: see Keeper._reconcile
        self._forget_settled()

    def _reverse(self, entry: Entry) -> None:
        """The waiter was told that the call costs nothing, and then it was written after all: make it true."""
        row = entry.row
        log.warning("ledger.reversed", extra={"receipt": row["id"], "units": row["units"]})
        if row["units"] and not entry.is_taken_back:
            answer = replace(entry.answer, is_kept=False) if entry.answer is not None else None
            self._under_way += 1
            reversal = ledger.reversal_of(row, now=clock.now())
            self._put(Entry(reversal, settlements=settling.reversed_(entry.settlements), answer=answer))

    def _sweep(self) -> None:
        """Tell those who have waited too long."""
        now = monotonic()
        for entry in self._waiting:
            if entry.until > now:
                break
            if entry.done is not None and not entry.done.done():
                entry.done.set_exception(NotRecorded("The ledger did not answer in time."))
        self._forget_settled()
        self._sweeper = self._loop.call_later(SWEEP_S, self._sweep)

    def _forget_settled(self) -> None:
        waiting = self._waiting
        while waiting and waiting[0].is_withdrawn:
            waiting.popleft()


def _entry(row: EventRow, reservation: Reservation, answer: Answer | None) -> Entry:
    if reservation is NOTHING_HELD:
        return Entry(row, answer=answer)
    settlements = reservation.settlements(units=row["units"], amount_nanos=row["amount_nanos"])
    return Entry(row, reservation=reservation, settlements=settlements, answer=answer)
