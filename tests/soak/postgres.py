"""A PostgreSQL server of its own, so that it can be killed, all of it or its first process, and started anew."""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg

from tests.ports import free_port
from tests.waiting import PATIENCE_S, eventually

NOBODY = "nobody"
"""Whom it runs as when the tests run as root, which PostgreSQL refuses."""


def programs() -> Path | None:
    """The folder with PostgreSQL's programs: the development dependency's, else what the machine has; None for none."""
    package = importlib.util.find_spec("pgserver")
    folders = [Path(place) / "pginstall" / "bin" for place in (package and package.submodule_search_locations) or ()]
    on_path = shutil.which("initdb")
    folders += [Path(on_path).resolve().parent] if on_path else []
    return next((folder for folder in folders if (folder / "postgres").exists() and _may_run(folder)), None)


def _may_run(folder: Path) -> bool:
    try:
        done = subprocess.run([folder / "postgres", "--version"], capture_output=True, check=False, **_as_whom())
    except OSError:
        return False
    return done.returncode == 0


def _as_whom() -> dict[str, object]:
    if os.geteuid():
        return {}
    return {"user": NOBODY, "group": pwd.getpwnam(NOBODY).pw_gid, "extra_groups": [], "cwd": "/"}


class PostgresServer:
    """Durable as it is in production. url: of its database `postgres`."""

    def __init__(self, folder: Path, bin_folder: Path) -> None:
        self._folder = folder
        self._bin = bin_folder
        self._process: subprocess.Popen | None = None
        self.port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        if not os.geteuid():
            shutil.chown(folder, NOBODY)
        command = [bin_folder / "initdb", "-D", folder / "data", "-U", "postgres", "--auth=trust", "--encoding=utf8"]
        subprocess.run(command, check=True, capture_output=True, **_as_whom())

    def start(self) -> None:
        """Come back when it answers. What a killed one left behind may keep it from starting for a moment."""
        eventually(self._answers, every_s=0.1)

    def kill(self, *, only_first: bool = False) -> None:
        """`kill -9` of every process of it; only_first: the others notice by themselves."""
        first = psutil.Process(self._process.pid)
        family = [first] if only_first else [first, *first.children(recursive=True)]
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait(PATIENCE_S)

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            self._process = self._launch()
        psycopg.connect(self.url, connect_timeout=PATIENCE_S).close()
        return True

    def _launch(self) -> subprocess.Popen:
        options = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        chosen = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            command = [self._bin / "postgres", "-D", self._folder / "data", *chosen]
            return subprocess.Popen(command, stdout=log, stderr=log, **_as_whom())


@contextmanager
def postgres_server(bin_folder: Path):
    """A running server, gone without a trace afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="postern-soak-postgres-"))
    try:
        server = PostgresServer(folder, bin_folder)
        server.start()
        try:
            yield server
        finally:
            with suppress(psutil.NoSuchProcess):
                server.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
