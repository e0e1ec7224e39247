"""The whole scene of a soak: database, integration, gateways, worker and callers, watched while they run."""

import asyncio
import signal
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from app.core import db
from app.limits import leases
from app.limits.leases import PROCESSES
from tests.asynchronous import until
from tests.soak import books, callers, stack, upstream, world
from tests.soak.books import Books
from tests.soak.callers import Load
from tests.soak.stack import Stack
from tests.soak.upstream import Upstream
from tests.soak.world import World
from tests.waiting import PATIENCE_S

LONG_S = 5 * PATIENCE_S
WATCH_S = 0.1
GRAVE = (
    "limits.bug",
    "gateway.bug",
    "limit.overrun",
    "ledger.bug",
    "ledger.refused",
    "spool.refused",
    "spool.broken",
    "spool.failing",
    "loop.error",
)
"""Events of the log that must not happen whatever dies; what they mean is in docs/operate/observe.md."""


@dataclass
class Scene:
    """overshoot: the furthest that `spent + reserved` was seen beyond a cap, in its own unit, at any moment of the run.

    in_flight_at_kills: calls under way at a gateway when it was killed, all together. killed: how often, by name.
    """

    engine: Engine
    stack: Stack
    world: World
    upstream: Upstream
    loads: list[Load] = field(default_factory=list)
    overshoot: int = 0
    looks: int = 0
    in_flight_at_kills: int = 0
    killed: dict[str, int] = field(default_factory=dict)

    def new_load(self, **options) -> Load:
        """Callers for all keys at all gateways; numbered on from those before."""
        first = max((load.first + load.calls for load in self.loads), default=1)
        load = Load(self.stack.ports, self.world.secrets, first=first, **options)
        self.loads.append(load)
        return load

    def count(self, name: str) -> None:
        """Another kill."""
        self.killed[name] = self.killed.get(name, 0) + 1

    def kill(self, member: stack.Member) -> None:
        """`kill -9`, with a note of how many calls it had under way."""
        self.in_flight_at_kills += sum(load.under_way[member.port] for load in self.loads)
        member.kill()
        self.count(member.name)

    async def end(self, member: stack.Member) -> None:
        """SIGTERM while callers go on: what it has under way is to be answered. One that just began may die of it."""
        code = await asyncio.to_thread(member.terminate)
        assert code in (0, -signal.SIGTERM), f"{member.name} ended with {code}"
        self.count(f"{member.name} politely")

    async def watch(self) -> None:
        """Look at every cap, again and again, until cancelled."""
        while True:
            with suppress(SQLAlchemyError):
                self.overshoot = max(self.overshoot, await asyncio.to_thread(self._furthest))
                self.looks += 1
            await asyncio.sleep(WATCH_S)

    def _furthest(self) -> int:
        statement = select(func.max(books.COUNTERS.c.spent + books.COUNTERS.c.reserved - books.RULES.c.most)).join_from(
            books.COUNTERS, books.RULES, books.RULES.c.id == books.COUNTERS.c.rule_id
        )
        with self.engine.connect() as connection:
            return connection.execute(statement).scalar() or 0

    async def more_results(self, load: Load, count: int) -> None:
        """Until so many calls more have had a result."""
        wanted = load.total + count
        await until(lambda: load.total >= wanted, timeout_s=LONG_S)

    async def limits_reached(self, load: Load) -> None:
        """Until the cap and the allowance that are to be reached have been."""
        await until(lambda: load.refused["cap_reached"] and load.refused["allowance_used"], timeout_s=LONG_S)

    async def quiet(self) -> None:
        """Until nothing waits, nothing is reserved, the dead are buried and every event is sealed."""
        await self.stack.ready()
        await self.drained()
        await self.buried(len(self.stack.gateways))
        await self._until(lambda connection: not books.reserved(connection))
        await self._until(lambda connection: not books.unsealed(connection))

    async def bury(self) -> None:
        """Give back what the dead held, without waiting until it is certain that they are: all who live end, and are
        started again.
        """
        await self.stack.ready()
        await self.drained()
        await asyncio.gather(*[asyncio.to_thread(gateway.terminate) for gateway in self.stack.gateways])
        with self.engine.begin() as connection:
            for process_id, seen_at in leases.processes(connection).items():
                leases.retire(connection, process_id, seen_at=seen_at)

    async def all_answered(self) -> None:
        """Until every call with a key of its own has been answered, by whichever try."""
        async with asyncio.timeout(LONG_S):
            await asyncio.gather(*[load.ask_again() for load in self.loads])

    async def buried(self, living: int) -> None:
        """Until no more gateways than `living` are taken to be alive."""
        await self._until(lambda connection: self._living(connection) == living)

    async def drained(self) -> None:
        """Until no event waits on disk any more."""
        await until(lambda: not self.stack.waiting_files, timeout_s=LONG_S)

    async def use_up(self, name: str, *, calls: int = 5_000) -> tuple[int, int]:
        """Call with the keys of one organisation until its limit is reached; gives what it spent, and the limit."""
        load = self.new_load(callers=4, calls=calls, failing_every=calls * 1_000_000)
        load.secrets = {name: self.world.secrets[name]}
        running = asyncio.create_task(load.run())
        try:
            await until(lambda: running.done() or load.refused["cap_reached"] + load.refused["allowance_used"] >= 16)
        except TimeoutError:
            raise AssertionError(callers.described(load)) from None
        load.stop()
        await running
        with self.engine.connect() as connection:
            return books.spent(connection, self.world.rules[name])

    def books(self) -> Books:
        """What it all comes to."""
        return books.check(self.engine, self.loads, self.upstream)

    def grave(self) -> list[str]:
        """Lines of logs that must not be there."""
        return [
            f"{log.name}: {line[:600]}"
            for log in self.stack.logs
            for line in log.read_text(errors="replace").splitlines()
            if any(f'"{name}"' in line for name in GRAVE) or line.startswith("Traceback")
        ]

    @staticmethod
    def _living(connection) -> int:
        return connection.execute(select(func.count()).select_from(PROCESSES)).scalar_one()

    async def _until(self, check) -> None:
        def look() -> bool:
            with self.engine.connect() as connection:
                return check(connection)

        async with asyncio.timeout(LONG_S):
            while True:
                with suppress(SQLAlchemyError):
                    if await asyncio.to_thread(look):
                        return
                await asyncio.sleep(WATCH_S)


@asynccontextmanager
async def scene(
    database_url: str,
    folder: Path,
    *,
    gateways: int = 2,
    capped: int = 150,
    counted: int = 150,
    delay_s=0.005,
    **settings,
):
    """Everything runs and nobody calls yet."""
    engine = db.create(database_url)
    try:
        async with upstream.counting(delay_s=delay_s) as integration:
            made = world.make_world(engine, upstream_url=integration.url, capped=capped, counted=counted)
            async with stack.running(database_url, folder, gateways=gateways, **settings) as running:
                found = Scene(engine, running, made, integration)
                watching = asyncio.create_task(found.watch())
                try:
                    yield found
                finally:
                    watching.cancel()
    finally:
        engine.dispose()
