"""Gateways and a worker as processes on one database, which may die and are started anew on the same ports."""

import asyncio
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from app.core.config import ROOT
from tests.gateway.gateways import PATIENT
from tests.ports import free_port
from tests.preloaded import Preloaded
from tests.waiting import PATIENCE_S, eventually

GATEWAY = ("-m", "app.gateway")
WORKER = ("-m", "app.jobs")


class Member:
    """One process, and those that come after it."""

    def __init__(self, name: str, arguments: Sequence[str], settings: dict[str, object], folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.port = int(settings.get("gateway_port", 0))
        self._arguments = arguments
        kept = {name: value for name, value in os.environ.items() if not name.startswith("POSTERN_")}
        self._environment = kept | {f"POSTERN_{name.upper()}": str(value) for name, value in settings.items()}
        self.process: subprocess.Popen | Preloaded | None = None

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Again, if it ran before; does not wait."""
        if self._arguments in (GATEWAY, WORKER):
            self.process = Preloaded(self._arguments[1], self._environment, self.log)
            return
        command = [sys.executable, "-W", "error", *self._arguments]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(command, cwd=ROOT, env=self._environment, stdout=output, stderr=output)

    def kill(self) -> None:
        """`kill -9`."""
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def terminate(self) -> int:
        """As an operator stops it: SIGTERM; gives the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def wait_until_ready(self) -> None:
        """For a gateway: until it would be sent calls."""
        eventually(lambda: not self.is_running or self._says_ready())
        assert self.is_running, self.log.read_text()[-4000:]

    def _says_ready(self) -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=PATIENCE_S) as answer:
            return b'"ready"' in answer.read()


class Stack:
    """gateways and a worker; folder: of their logs, and of events that wait for the database."""

    def __init__(
        self,
        database_url: str,
        folder: Path,
        *,
        gateways: int,
        gateway_arguments=GATEWAY,
        worker_arguments=WORKER,
        **more,
    ) -> None:
        """more: settings."""
        self.database_url = database_url
        self.spool = Path(more.pop("spool_dir", folder / "spool"))
        shared = {
            "database_url": database_url,
            "log_format": "json",
            "spool_dir": self.spool,
            "key_calls_per_minute": 0,
            "seal_every_s": 0.5,
            **PATIENT,
            **more,
        }
        self.gateways = [
            Member(f"gateway-{at}", gateway_arguments, {**shared, **_ports()}, folder) for at in range(1, gateways + 1)
        ]
        self.worker = Member("worker", worker_arguments, shared, folder)

    @property
    def members(self) -> list[Member]:
        return [*self.gateways, self.worker]

    @property
    def ports(self) -> list[int]:
        return [gateway.port for gateway in self.gateways]

    @property
    def logs(self) -> list[Path]:
        return [member.log for member in self.members]

    @property
    def waiting_files(self) -> list[Path]:
        """Of events that wait for the database, and of those that nobody could read."""
        return [*self.spool.glob("*.spool"), *self.spool.glob("*.broken")]

    async def ready(self) -> None:
        """Start what does not run, and wait until all gateways would be sent calls."""
        for member in self.members:
            if not member.is_running:
                member.start()
        await asyncio.gather(*[asyncio.to_thread(gateway.wait_until_ready) for gateway in self.gateways])


def _ports() -> dict[str, object]:
    port = free_port()
    return {"gateway_port": port, "gateway_metrics_port": free_port(), "gateway_url": f"http://127.0.0.1:{port}"}


@asynccontextmanager
async def running(database_url: str, folder: Path, **options):
    """A Stack that is ready for calls; ended, however it is, afterwards."""
    stack = Stack(database_url, folder, **options)
    try:
        await stack.ready()
        yield stack
    finally:
        for member in stack.members:
            if member.process is not None:
                with suppress(ProcessLookupError):
                    member.process.send_signal(signal.SIGCONT)
                    member.process.kill()
                member.process.wait(PATIENCE_S)
