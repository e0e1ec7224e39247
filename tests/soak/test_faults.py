"""What is around the gateways fails under load: database, disk, clock. Nothing is lost, no cap is passed."""

import asyncio
import os
import resource
import shutil
import signal
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager

import pytest

from tests.asynchronous import until
from tests.soak import stepping
from tests.soak.run import check, settled
from tests.soak.scene import LONG_S, scene
from tests.waiting import PATIENCE_S

IS_LONG = os.environ.get("SOAK") == "long"
AWAY_S = 30 if IS_LONG else 3
in_the_long_run = pytest.mark.skipif(not IS_LONG, reason="`make soak` has the time for it")
SEED = 1
HOLDER = (
    "import sqlite3, sys; connection = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None);"
    "connection.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.read()"
)


@asynccontextmanager
async def loaded(running, **options):
    """Callers call until this is left; then all is settled and checked. options: of the load."""
    load = running.new_load(callers=2, calls=50_000, seed=SEED, **options)
    task = asyncio.create_task(load.run())
    await running.limits_reached(load)
    yield load
    load.stop()
    await task
    check(running, await settled(running), seed=SEED)


@contextmanager
def locked(url):
    """Another process holds SQLite's lock for writing."""
    path = url.removeprefix("sqlite:///")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        try:
            holder.stdout.readline()
            yield
        finally:
            holder.kill()


@in_the_long_run
async def test_postgresql_being_away_for_a_while_loses_nothing(own_postgres, tmp_path):
    async with scene(own_postgres.url, tmp_path, capped=10, counted=10) as running, loaded(running) as load:
        own_postgres.kill()
        await asyncio.sleep(AWAY_S)
        await running.more_results(load, 50)
        assert running.stack.waiting_files
        await asyncio.to_thread(own_postgres.start)
        await running.drained()
        await running.more_results(load, 50)


async def test_sqlite_being_locked_for_a_while_loses_nothing(sqlite_url, tmp_path):
    """Few calls have a key of their own: those wait for the lock, as long as they may, and hold up their caller."""
    async with (
        scene(sqlite_url, tmp_path, capped=10, counted=10) as running,
        loaded(running, keyed_every=40) as load,
    ):
        with locked(sqlite_url):
            await asyncio.sleep(AWAY_S)
            await running.more_results(load, 15)
            await until(lambda: running.stack.waiting_files)
        await running.drained()
        await running.more_results(load, 50)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of its own with a few megabytes; skips where none can be had."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(folder)]
    if os.geteuid() or shutil.which("mount") is None or subprocess.run(command, check=False).returncode:
        pytest.skip("A small disk can only be mounted as root; the other test of a full disk needs nothing.")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def test_a_full_disk_gives_nothing_away_and_heals(sqlite_template, small_disk, tmp_path):
    shutil.copy(sqlite_template, small_disk / "postern.db")
    settings = {"spool_dir": small_disk / "spool", "ledger_timeout_s": 1}
    url = f"sqlite:///{small_disk / 'postern.db'}"
    async with scene(url, tmp_path, capped=10, counted=10, **settings) as running, loaded(running) as load:
        filler = small_disk / "filler"
        while not load.refused["not_recorded"]:
            _fill(filler)
            await asyncio.sleep(0.05)
        await until(lambda: load.refused["not_recorded"] > 20)
        filler.unlink()
        await running.more_results(load, 50)


def _fill(path):
    with path.open("ab", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            return


@in_the_long_run
async def test_files_that_may_not_grow_give_nothing_away_and_heal(sqlite_url, tmp_path):
    if not hasattr(resource, "prlimit"):
        pytest.skip("This system cannot limit the files of a process that runs.")
    async with (
        scene(sqlite_url, tmp_path, capped=10, counted=10, ledger_timeout_s=1) as running,
        loaded(running) as load,
    ):
        pids = [gateway.pid for gateway in running.stack.gateways]
        before = [resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids]
        for pid, (_, hard) in zip(pids, before, strict=True):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, hard))
        await until(lambda: load.refused["not_recorded"] > 20)
        for pid, limit in zip(pids, before, strict=True):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limit)
        await running.more_results(load, 50)


@in_the_long_run
async def test_a_clock_that_steps_back_an_hour_loses_nothing(sqlite_url, tmp_path):
    clock = stepping.Clock(tmp_path / "clock")
    programs = {
        "gateway_arguments": clock.arguments("app.gateway"),
        "worker_arguments": clock.arguments("app.jobs"),
    }
    async with scene(sqlite_url, tmp_path, capped=10, counted=10, **programs) as running, loaded(running) as load:
        clock.set(-3600.0)
        await running.more_results(load, 100)
        clock.set(0.0)
        await running.more_results(load, 50)
        running.kill(
            running.stack.worker
        )  # one that begins looks everywhere for events to seal; this one in 10 minutes
        running.stack.worker.start()


@in_the_long_run
async def test_a_gateway_that_stood_still_passes_no_cap(own_postgres, tmp_path):
    """What it had under way is charged only as far as there is room, because its leases were given to others."""
    settings = {"dead_after_s": 4, "heartbeat_s": 0.25}
    async with scene(own_postgres.url, tmp_path, capped=60, counted=60, delay_s=0.05, **settings) as running:
        first, second = running.stack.gateways
        load = running.new_load(callers=4, calls=20_000, seed=SEED)
        task = asyncio.create_task(load.run())
        await until(lambda: load.results["capped"] >= 20, timeout_s=LONG_S)
        os.kill(first.pid, signal.SIGSTOP)
        load.ports = [second.port]  # whoever calls the other now waits
        await running.buried(1)
        await running.limits_reached(load)
        os.kill(first.pid, signal.SIGCONT)
        await running.more_results(load, 50)
        load.stop()
        await asyncio.wait_for(task, 5 * PATIENCE_S)
        check(running, await settled(running), seed=SEED, but="ledger.refused")  # limits.settling.Overrun
