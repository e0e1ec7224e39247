"""`postern run`: everything on this machine under one supervisor, until Ctrl-C.

What a process says goes to <data_dir>/log/<name>.log; its warnings and errors are shown here too. A process that dies
is started again, a few times.
"""

import asyncio
import fcntl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sqlmodel import Session

from app.core import clock, db, migrate
from app.core.config import Settings
from app.integrations import refreshing
from app.sandbox import commands, ports, seed, welcome
from app.sandbox.commands import Command
from app.sandbox.supervisor import Supervisor, say

LOCK = "run.lock"  # in the data directory; `make reset` looks at it too


def run(settings: Settings) -> int:
    """Prepare the database, start everything, stop it when told to.

    Answers the exit code: 0 when stopped, 1 when it didn't start or something gave up; why has been said.
    """
    return supervise(
        settings,
        commands.all_of(settings),
        prepare=lambda: _prepare_database(settings),
        once_ready={slug: partial(_approve, settings, slug) for slug in seed.SLUGS},
    )


def supervise(
    settings: Settings,
    wanted: Sequence[Command],
    *,
    prepare: Callable[[], None],
    once_ready: Mapping[str, Callable[[], None]] | None = None,
) -> int:
    """`run` for any processes; prepare() is what must be done before any of them starts. once_ready: see Supervisor."""
    with _lock(settings.data_dir) as is_ours:
        if not is_ours:
            say(f"Postern already runs on {settings.data_dir}: stop it, or choose another POSTERN_DATA_DIR.")
            return 1
        complaint = ports.complaint(wanted, base_port=settings.base_port)
        if complaint is not None:
            say(complaint)
            return 1
        try:
            prepare()
            supervisor = Supervisor(wanted, settings.data_dir / "log", once_ready)
            return asyncio.run(supervisor.run(lambda took_s: welcome.text(settings, wanted, took_s=took_s)))
        except KeyboardInterrupt:  # before the supervisor listens for it
            return 0


def _prepare_database(settings: Settings) -> None:
    """Migrated, and with the samples where they run now."""
    engine = db.create(settings.database_url, pool_size=1)
    migrate.upgrade(engine)
    with Session(engine) as session:
        seed.seed(session, settings=settings, now=clock.now())
        session.commit()
    engine.dispose()


def _approve(settings: Settings, slug: str) -> None:
    """Let the tools of a sample be called. Done while the rest still starts; a second process with the same database
    is never in the way for long.
    """
    engine = db.create(settings.database_url, pool_size=1)
    with Session(engine) as session:
        complaint = seed.approve(session, slug, refreshing.means(settings))
        session.commit()
    engine.dispose()
    if complaint:
        say(f"The tools of {slug} could not be had: {complaint}")


@contextmanager
def _lock(folder: Path) -> Iterator[bool]:
    """Whether `folder` is now ours alone. The lock goes with the process, however that ends."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)  # who signed in, and with which address, is nobody else's on this machine
    with (folder / LOCK).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
