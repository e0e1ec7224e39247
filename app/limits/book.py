"""What this process holds in advance of each counter: calls take from it without asking the database.

For the event loop's thread. What is missing is asked of the keeper (app/limits/keeper.py), whose thread tells what
came of it; `granted` of a pool is written by that thread alone, everything else by the loop's.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from time import monotonic
from typing import Protocol
from uuid import UUID

from app.core.errors import Unavailable
from app.limits.holds import CounterKey
from app.limits.leases import Grant, Want
from app.limits.rules import Rule
from app.plans import periods

UNKNOWN = 2**63
"""More than any rule allows: nobody has said yet what this one does."""
IDLE_S = 3.0
"""What was held ahead and not used for so long is given back."""
AHEAD_AT_FIRST = 16
AHEAD_S = 0.5
"""Taken in advance: what the last moments would use up in so long."""


class NoLease(Unavailable):
    """The database could not be asked."""


class Pool:
    """What is held of one counter. free: not in use by any call. left: what nobody holds, when last heard of."""

    __slots__ = (
        "_asked",
        "_book",
        "_used",
        "_used_since",
        "_waiting",
        "ceiling",
        "ends_at",
        "ends_s",
        "free",
        "given",
        "granted",
        "is_asking",
        "is_ruled",
        "is_tight",
        "key",
        "left",
        "most",
        "process_id",
        "touched_at",
        "unit",
    )

    def __init__(self, book: "Book", key: CounterKey, process_id: UUID, ends_at: datetime) -> None:
        self._book = book
        self.key = key
        self.process_id = process_id
        self.ends_at = ends_at
        self.ends_s = ends_at.timestamp()
        self.free = self.granted = self.given = self.left = self.most = 0
        self.ceiling = UNKNOWN
        self.unit = 1
        self.is_tight = True
        self.is_ruled = True
        self.is_asking = False
        self.touched_at = 0.0
        self._waiting: list[tuple[int, asyncio.Future[bool]]] = []
        self._asked: list[tuple[int, asyncio.Future[bool]]] = []
        self._used = 0
        self._used_since = 0.0

    @property
    def total(self) -> int:
        """What this process counts on in the database: free, in use by calls, and used but not settled yet."""
        return self.granted - self.given

    def take(self, amount: int) -> bool:
        """Take it if it is there; asks for more ahead of need."""
        if self.free < amount:
            return not self.is_ruled
        self.free -= amount
        self._used += amount
        if self.free < self._used // 2 and not self.is_tight and not self.is_asking:
            self.unit = amount
            self._book.ask(self)
        return True

    async def wait_for(self, amount: int) -> bool:
        """The same when it must be fetched; False when it is not to be had. Raises NoLease."""
        if self.take(amount):
            return True
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((amount, future))
        self.unit = amount
        self._book.ask(self)
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None and future.result():
                self.put_back(amount)
            raise

    def put_back(self, amount: int) -> None:
        """A call did not use it."""
        if self.is_ruled:
            self.free += amount
            if self.is_tight and not self._waiting and not self._asked:
                self.give_back()

    def spend(self, amount: int) -> None:
        """A call used it, and the database knows."""
        if self.is_ruled:
            self.given += amount

    def give_back(self) -> None:
        """Return what is free."""
        amount, self.free = self.free, 0
        if amount:
            self._book.return_(self, amount)  # before it is counted: see Keeper._reconcile
            self.given += amount

    def follow(self, most: int) -> None:
        """The rule allows so much now. If that is less than before, what is held ahead was too much."""
        is_less, self.ceiling = most < self.ceiling, most
        if is_less:
            self.is_tight = True
            self.give_back()

    def want(self) -> Want:
        """What to ask for now: for all who wait, and as much ahead as was used lately."""
        self._asked = [(amount, future) for amount, future in self._waiting if not future.done()]
        self._waiting.clear()
        now = monotonic()
        rate = self._used / max(now - self._used_since, AHEAD_S)
        self._used, self._used_since, self.touched_at = 0, now, now
        ahead = max(int(rate * 2 * AHEAD_S), AHEAD_AT_FIRST * self.unit)
        return Want(self.key, tuple(amount for amount, _ in self._asked), ahead, self.unit)

    def answered(self, grant: Grant | None) -> None:
        """What came of asking; None when the database could not be asked."""
        self.is_asking = False
        asked, self._asked = self._asked, []
        if grant is not None:
            self.free += grant.granted
            self.left, self.most, self.is_ruled = grant.left, grant.most, grant.is_ruled
            self.is_tight = grant.is_tight or (grant.is_ruled and grant.most > self.ceiling)  # it was lowered meanwhile
        for amount, future in asked:
            if future.done():
                continue
            if grant is None:
                future.set_exception(NoLease("Allowances cannot be checked just now."))
            else:
                future.set_result(self.take(amount))
        if self._waiting:
            self._book.ask(self)
        elif self.is_tight:
            self.give_back()


class Slot:
    """One rule for one subject, whatever the period: `pool_at` is that of the day or month."""

    __slots__ = ("_book", "_pool", "_until", "rule", "subject_id")

    def __init__(self, book: "Book", rule: Rule, subject_id: UUID) -> None:
        self._book = book
        self.rule = rule
        self.subject_id = subject_id
        self._pool: Pool | None = None
        self._until: datetime | None = None

    def pool_at(self, at: datetime) -> Pool:
        """`at` never runs backwards (app/limits/moments.py)."""
        if (
            self._pool is None
            or self._until is None
            or at >= self._until
            or self._pool.process_id is not self._book.name
        ):
            start_at = periods.start_of(self.rule.period, at)
            self._until = periods.end_of(self.rule.period, start_at)
            self._pool = self._book.pool(CounterKey(self.rule.id, self.subject_id, start_at), ends_at=self._until)
            self._pool.follow(self.rule.most)
        return self._pool


class Asker(Protocol):
    """The keeper, as the book sees it."""

    def ask(self, pool: Pool) -> None: ...
    def return_(self, pool: Pool, amount: int) -> None: ...


class Book:
    """All pools of this process. name: the process's id, by which the database knows what it holds."""

    def __init__(self, process_id: UUID, keeper: Asker, clock: Callable[[], float] = monotonic) -> None:
        self.name = process_id
        self.pools: dict[CounterKey, Pool] = {}
        self._keeper = keeper
        self._clock = clock

    def slot(self, rule: Rule, subject_id: UUID) -> Slot:
        """Where calls take what they need of a rule."""
        return Slot(self, rule, subject_id)

    def pool(self, key: CounterKey, *, ends_at: datetime) -> Pool:
        """The one and only for this counter."""
        found = self.pools.get(key)
        if found is None:
            found = self.pools[key] = Pool(self, key, self.name, ends_at)
        return found

    def ask(self, pool: Pool) -> None:
        """Have the keeper fetch what `pool` wants, unless it is under way."""
        if not pool.is_asking:
            pool.is_asking = True
            self._keeper.ask(pool)

    def return_(self, pool: Pool, amount: int) -> None:
        """Have the keeper give it back, unless it is no longer ours to give."""
        if pool.process_id == self.name:
            self._keeper.return_(pool, amount)

    def rename(self, process_id: UUID) -> None:
        """This process was taken for dead, and what it held is gone."""
        self.name = process_id
        self.pools = {}

    def tidy(self, at: datetime) -> None:
        """Give back what lies idle, and forget periods that are over."""
        now = self._clock()
        for key, pool in list(self.pools.items()):
            if pool.free and not pool.is_asking and now - pool.touched_at > IDLE_S:
                pool.give_back()
            if at >= pool.ends_at and not pool.total:
                del self.pools[key]
