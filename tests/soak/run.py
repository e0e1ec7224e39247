"""A whole soak: load, kills, quiet, the last calls that limits leave, and the books."""

# ruff: noqa: T201  (what was found is said also when all is well)

import asyncio

from tests.soak.books import Books
from tests.soak.kills import Plan, kill_again_and_again
from tests.soak.postgres import PostgresServer
from tests.soak.scene import Scene

RESULTS_FOR_EACH_ROUND = 2_500
"""The load ends after so many calls, whatever happens."""


async def soak(
    scene: Scene, plan: Plan, *, server: PostgresServer | None = None, callers: int = 4, tell=print
) -> Books:
    """callers: for each of the eight keys. At the end, limits are used up to the last call, so that nothing is found to
    be reserved by anybody.
    """
    load = scene.new_load(callers=callers, calls=RESULTS_FOR_EACH_ROUND * plan.rounds, seed=plan.seed)
    task = asyncio.create_task(load.run())
    await scene.limits_reached(load)
    await kill_again_and_again(scene, load, plan, server=server, tell=tell)
    load.stop()
    await task
    if plan.is_short:
        await scene.bury()
    return await settled(scene, is_short=plan.is_short)


async def settled(scene: Scene, *, is_short: bool = True) -> Books:
    """Once all is quiet: use up what limits leave, and draw up the books. is_short: see kills.Plan."""
    await scene.quiet()
    if not is_short:
        await scene.all_answered()
    for name in ("capped", "counted"):
        spent, most = await scene.use_up(name)
        assert spent == most, f"{name}: {spent} of {most} could be used"
    await scene.quiet()
    return scene.books()


def check(scene: Scene, books: Books, *, seed: int, but: str = "") -> None:
    """Raises AssertionError for what does not hold. but: what logs may say because it belongs to what was done."""
    killed = ", ".join(f"{name} {count} times" for name, count in sorted(scene.killed.items())) or "nothing"
    print(f"Seed {seed}. Killed: {killed}, with {scene.in_flight_at_kills} calls under way.")
    print(f"{books}, furthest beyond a cap {scene.overshoot} ({scene.looks} looks)", flush=True)
    assert books.is_clean, books
    assert books.unanswered <= scene.in_flight_at_kills
    assert scene.overshoot <= 0
    assert scene.looks > 0
    assert [line for line in scene.grave() if not but or but not in line] == []
    assert books.failed > 0
    assert books.answered > books.replayed
