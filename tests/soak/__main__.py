"""`make soak`: a hundred rounds of `kill -9` on each database, and then every fault in its long form."""

# ruff: noqa: T201  (a program for a terminal)

import asyncio
import os
import random
import sys
import tempfile
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import uvloop

from app.core import db, migrate
from tests import databases
from tests.soak import postgres, run
from tests.soak.kills import Plan
from tests.soak.scene import Scene, scene

CALLERS = 8
"""For each of the eight keys."""


async def kills(url: str, folder: Path, server: postgres.PostgresServer | None, plan: Plan) -> None:
    """One database's rounds."""
    async with scene(url, folder, gateways=3, capped=50, counted=50) as running:
        books = await run.soak(running, plan, server=server, callers=CALLERS)
        run.check(running, books, seed=plan.seed)
        await _memory(running)


async def _memory(running: Scene, calls: int = 5_000) -> None:
    """What gateways take up before and after a stretch of calls, to be read and not judged."""
    before = _megabytes(running)
    for part in (1, 2):
        load = running.new_load(callers=CALLERS, calls=calls)
        load.secrets = {"roomy": running.world.secrets["roomy"]}
        await load.run()
        now = _megabytes(running)
        print(f"Memory of the gateways after {part * calls} more calls: {now} MB (before: {before} MB)", flush=True)


def _megabytes(running: Scene) -> list[int]:
    return [round(psutil.Process(one.pid).memory_info().rss / 1e6) for one in running.stack.gateways]


def _sqlite(folder: Path, plan: Plan) -> Awaitable[None]:
    return kills(f"sqlite:///{databases.sqlite_template(folder)}", folder, None, plan)


def _postgres(folder: Path, plan: Plan, server: postgres.PostgresServer) -> Awaitable[None]:
    engine = db.create(server.url)
    migrate.upgrade(engine)
    engine.dispose()
    return kills(server.url, folder, server, plan)


def _attempt(name: str, make: Callable[[Path], Awaitable[None]]) -> bool:
    folder = Path(tempfile.mkdtemp(prefix="postern-soak-"))
    print(f"== {name}; logs in {folder}", flush=True)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(make(folder))
    except Exception:  # noqa: BLE001  (the others are to run all the same)
        traceback.print_exc()
        return False
    return True


def main() -> int:
    """Exit code: 0 when everything held. ROUNDS, SEED and DATABASES (words) may be set in the environment."""
    rounds = int(os.environ.get("ROUNDS") or 100)
    seed = int(os.environ.get("SEED") or random.randrange(10**9))
    wanted = os.environ.get("DATABASES") or "sqlite postgresql"
    plan = Plan(seed=seed, rounds=rounds, results=(20, 300), room=15)
    programs = postgres.programs()
    held = [_attempt("SQLite", lambda folder: _sqlite(folder, plan))] if "sqlite" in wanted else []
    if programs is None:
        print("PostgreSQL is left out: none of its programs was found that could be run here.")
    elif "postgresql" in wanted:
        with postgres.postgres_server(programs) as server:
            held.append(_attempt("PostgreSQL", lambda folder: _postgres(folder, plan, server)))
    print("Everything held." if all(held) else "NOT everything held.")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
