"""Kills at random moments: answered is recorded, nothing twice, no cap passed. `make soak` has a hundred rounds."""

from dataclasses import replace

from tests.soak.kills import Plan
from tests.soak.run import check, soak
from tests.soak.scene import scene
from tests.waiting import PATIENCE_S

ON_SQLITE = Plan(seed=20261122, rounds=2, results=(50, 150), room=20, is_careful=True, is_short=True)
"""A gateway and the worker die, one after the other."""

ON_POSTGRESQL = replace(ON_SQLITE, rounds=3)
"""And the database."""

SETTINGS = {"dead_after_s": 2 * PATIENCE_S}
"""So that no gateway is taken for dead that is only slow. Careful kills, because an event that waits on disk for longer
than that would meet a reservation that has been given to others (docs/adr/0010).
"""


async def test_sqlite_loses_and_doubles_nothing(sqlite_url, tmp_path):
    async with scene(sqlite_url, tmp_path, capped=20, counted=20, **SETTINGS) as running:
        check(running, await soak(running, ON_SQLITE), seed=ON_SQLITE.seed)


async def test_postgresql_loses_and_doubles_nothing(own_postgres, tmp_path):
    async with scene(own_postgres.url, tmp_path, capped=20, counted=20, **SETTINGS) as running:
        check(running, await soak(running, ON_POSTGRESQL, server=own_postgres), seed=ON_POSTGRESQL.seed)
