"""Rounds of `kill -9` and SIGTERM at random moments, under load."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.soak import world
from tests.soak.callers import Load
from tests.soak.postgres import PostgresServer
from tests.soak.scene import Scene

POSTGRES = "postgresql"
LATEST_S = 0.2
"""A kill comes at most so long after the answer that it waited for."""

ENDED_POLITELY = 0.3
"""How many of those that die are asked to, by SIGTERM."""


@dataclass(frozen=True)
class Plan:
    """seed: everything that is random follows from it. results: calls with a result between two kills, from and to.

    room: calls that limits are raised by after each kill, so that they are reached again and again. is_careful: nothing
    dies before what waits on disk for the database has been written down. is_short: calls that nobody has had an answer
    to are left so, and the dead are buried by hand, because both take gateways a minute or half of one.
    """

    seed: int
    rounds: int
    results: tuple[int, int] = (50, 400)
    room: int = 30
    is_careful: bool = False
    is_short: bool = False


async def kill_again_and_again(
    scene: Scene,
    load: Load,
    plan: Plan,
    *,
    server: PostgresServer | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> None:
    """One victim or two in each round, the first of them in turn, so that each kind dies; all are started again."""
    rng = random.Random(plan.seed)
    kinds = ["gateway", "worker", *([POSTGRES] if server else [])]
    for number in range(plan.rounds):
        await scene.more_results(load, rng.randint(*plan.results))
        await asyncio.sleep(rng.random() * LATEST_S)
        chosen = {kinds[number % len(kinds)]}
        if not plan.is_careful and rng.random() < 0.3:
            chosen.add(rng.choice(kinds))
        for kind in sorted(chosen):
            await _kill(scene, kind, rng, server)
        if plan.is_careful:
            await scene.drained()
        await asyncio.to_thread(world.give_room, scene.engine, scene.world, plan.room)
        tell(f"{number + 1}: {' and '.join(sorted(chosen))}; {load.total} results, {load.broken} broken off")


async def _kill(scene: Scene, kind: str, rng: random.Random, server: PostgresServer | None) -> None:
    if kind == POSTGRES:
        server.kill(only_first=rng.random() < 0.5)
        scene.count(POSTGRES)
        await asyncio.to_thread(server.start)
        return
    running = [member for member in scene.stack.gateways if member.is_running]
    victim = scene.stack.worker if kind == "worker" else rng.choice(running)
    if rng.random() < ENDED_POLITELY:
        await scene.end(victim)
    else:
        scene.kill(victim)
    victim.start()
