"""The thread that speaks with the database about limits: fetches and returns leases for all who wait, in one
transaction; shows that this process lives, and finds those that do not; tells rates and hears them.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from app.core import clock
from app.limits import leases, sharing
from app.limits.book import Book, Pool
from app.limits.holds import CounterKey
from app.limits.inbox import Ask, Inbox, Return
from app.limits.leases import Grant, NotRegistered
from app.limits.lifeline import Lifeline, Watch, ticks
from app.limits.rates import Rates

log = logging.getLogger(__name__)

EXCHANGE_S = 0.25
TIDY_S = 1.0
CLEAR_S = 60.0
AGAIN_S = 0.25
"""How long after a failure the database is not asked again on behalf of calls, which are refused meanwhile."""


class Keeper:
    """`ask` and `return_` are for the event loop; `book` and `rates` belong to it and are told by callbacks on it."""

    def __init__(
        self,
        engine: Engine,
        *,
        heartbeat_s: float,
        dead_after_s: float,
        is_settled: Callable[[], bool] = lambda: True,
        under_way: Callable[[], int] = lambda: 0,
        may_bury: Callable[[], bool] = lambda: True,
    ) -> None:
        """is_settled: whether no event waits anywhere but in memory for the ledger. under_way: how many do there.
        may_bury: whether what the dead of this machine spent is in the ledger, as far as is known.
        """
        self._engine = engine
        self._heartbeat_s = heartbeat_s
        self._is_settled = is_settled
        self._under_way = under_way
        self._may_bury = may_bury
        self.book = Book(uuid4(), self)
        self.rates = Rates()
        self.lifeline = Lifeline(dead_after_s=dead_after_s)
        self._watch = Watch(dead_after_s=dead_after_s)
        self._inbox = Inbox()
        self._stopping = threading.Event()
        self._has_begun = threading.Event()
        self._thread = threading.Thread(target=self._run, name="limits", daemon=True)
        self._living = 1
        self._is_registered = False
        self._is_in_doubt = False
        self._is_failing = False
        self._failed_at = -AGAIN_S
        self._due = {self._beat: 0.0, self._exchange: 0.0, self._tidy: 0.0, self._clear: 0.0}

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin; the book and the rates belong to `loop`."""
        self._loop = loop
        self._thread.start()

    def wait_until_begun(self, *, timeout_s: float) -> None:
        """Block until the database was asked for the first time, with whatever success, for at most timeout_s."""
        self._has_begun.wait(timeout_s)

    def stop(self, *, timeout_s: float) -> None:
        """Give everything back and end; blocks for at most timeout_s seconds. No call may be under way."""
        self._stopping.set()
        self._inbox.put(None)
        self._thread.join(timeout_s)

    # For the event loop

    def ask(self, pool: Pool) -> None:
        """Fetch what `pool` wants; the pool is told."""
        self._inbox.put((pool, pool.want()))

    def return_(self, pool: Pool, amount: int) -> None:
        """Give it back when possible."""
        self._inbox.put((pool.key, pool.process_id, amount))

    # In the thread

    def _run(self) -> None:
        while not self._stopping.is_set():
            now = ticks()
            for task in [task for task, at in self._due.items() if at <= now]:
                self._attempt(task)
            self._has_begun.set()
            asks, returns = self._inbox.next(max(0.0, min(self._due.values()) - ticks()))
            if asks or returns:
                self._serve(asks, returns)
        with suppress(SQLAlchemyError):
            if self._is_settled():
                with self._engine.begin() as connection:
                    leases.retire(connection, self.book.name)

    def _attempt(self, task: Callable[[], float]) -> None:
        try:
            self._due[task] = ticks() + task()
            if self._is_failing and task == self._beat:  # which asks the database every time
                self._is_failing = False
                log.info("limits.recovered")
        except NotRegistered:
            self._rename()
        except Exception as problem:  # noqa: BLE001  (without this thread every call with a limit would hang)
            self._fail(problem)
            self._due[task] = ticks() + AGAIN_S

    def _fail(self, problem: Exception) -> None:
        self._failed_at = ticks()
        self._is_in_doubt = True
        if not isinstance(problem, SQLAlchemyError):
            log.error("limits.bug", exc_info=problem)
        elif not self._is_failing:
            log.error("limits.failing", extra={"error": str(problem).splitlines()[0]})
        self._is_failing = True

    # Leases

    def _serve(self, asks: list[Ask], returns: list[Return]) -> None:
        """One transaction for all that came. When it fails all are told, and what is in doubt is set right later."""
        if not self._is_registered or ticks() - self._failed_at < AGAIN_S:
            self._is_in_doubt = self._is_in_doubt or bool(returns)
            self._tell(asks, {})
            return
        grants: dict[CounterKey, Grant] = {}
        name, began = self.book.name, ticks()
        amounts: dict[CounterKey, int] = {}
        for key, process_id, amount in returns:
            if process_id == name:
                amounts[key] = amounts.get(key, 0) + amount
        wants = [want for pool, want in asks if pool.process_id == name]
        try:
            with self._engine.begin() as connection:
                if amounts:
                    leases.give_back(connection, name, amounts, now=clock.now())
                if wants:
                    grants = leases.acquire(connection, name, wants, living=self._living, now=clock.now())
        except NotRegistered:
            self._rename()
        except Exception as problem:  # noqa: BLE001  (those who wait have to be told in any case)
            grants = {}
            self._fail(problem)
        else:
            self.lifeline.shown(began)
        for pool, _ in asks:
            grant = grants.get(pool.key) if pool.process_id == name else None
            pool.granted += grant.granted if grant is not None else 0
        self._tell(asks, grants)

    def _tell(self, asks: list[Ask], grants: dict[CounterKey, Grant]) -> None:
        def tell() -> None:
            for pool, _ in asks:
                pool.answered(grants.get(pool.key))

        self._on_loop(tell)

    def _reconcile(self) -> None:
        """Return what the database believes this process to hold, and it does not: the answer to a commit was lost.

        What the process counts on is read first, and what it wants to return after that is thrown away, because it is
        part of the difference; the loop queues a return before it counts it. An event that is written meanwhile hides
        as much of the difference as it settles: so doubt stays, for the next time, unless nothing was being written.
        """
        was_quiet, known = not self._under_way(), self._known()
        asks, dropped = self._inbox.next(0.0)
        for ask in asks:
            self._inbox.put(ask)
        if not self._is_settled():
            return
        with self._engine.begin() as connection:
            returned = leases.reconcile(connection, self.book.name, known, now=clock.now())
        self._is_in_doubt = bool(dropped) or not was_quiet or self._known() != known
        if returned:
            log.info("limits.reconciled", extra={"returned": returned})

    def _known(self) -> dict[CounterKey, int]:
        """What this process counts on."""
        return {key: pool.total for key, pool in list(self.book.pools.items())}

    # Living and dying

    def _beat(self) -> float:
        began, now = ticks(), clock.now()
        with self._engine.begin() as connection:
            if self._is_registered:
                leases.beat(connection, self.book.name, now=now)
            else:
                leases.register(connection, self.book.name, now=now)
        self._is_registered = True
        self.lifeline.shown(began)
        with self._engine.connect() as connection:
            signs = leases.processes(connection)
        dead = self._watch.dead(signs)
        if dead and self._may_bury():
            for process_id, seen_at in dead.items():
                self._bury(process_id, seen_at)
        self._know_living(len(signs) - len(dead))
        if self._is_in_doubt:
            self._reconcile()
        return self._heartbeat_s

    def _bury(self, process_id: UUID, seen_at: datetime) -> None:
        with self._engine.begin() as connection:
            returned = leases.retire(connection, process_id, seen_at=seen_at)
        if returned is not None:
            log.warning("gateway.dead", extra={"gateway": str(process_id), "leases": returned})

    def _know_living(self, living: int) -> None:
        self._living = max(1, living)
        self._on_loop(lambda: self.rates.share(living))

    def _rename(self) -> None:
        """Others took this process for dead and gave away what it held: begin anew, under another name."""
        log.error("limits.lapsed", extra={"gateway": str(self.book.name)})
        self.lifeline.shown(None)
        self._is_registered = False
        self._is_in_doubt = False
        name = uuid4()
        self._on_loop(lambda: self.book.rename(name))
        self.book.name = name
        self._due[self._beat] = 0.0

    # Rates

    def _exchange(self) -> float:
        if not self._is_registered or not self.rates.is_shared:
            return EXCHANGE_S
        heard = sharing.exchange(self._engine, self.book.name, self.rates)
        self._on_loop(lambda: self.rates.take_in(heard, now=clock.now().timestamp()))
        return EXCHANGE_S

    def _tidy(self) -> float:
        now = clock.now()

        def tidy() -> None:
            self.book.tidy(now)
            self.rates.forget(now.timestamp())

        self._on_loop(tidy)
        return TIDY_S

    def _clear(self) -> float:
        if self._is_registered:
            with self._engine.begin() as connection:
                sharing.clear(connection, self.book.name, now=clock.now())
        return CLEAR_S

    def _on_loop(self, act: Callable[[], None]) -> None:
        if not self._loop.is_closed():
            with suppress(RuntimeError):  # it was closed in between
                self._loop.call_soon_threadsafe(act)
