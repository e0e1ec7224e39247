"""One process of `postern run`: its start, its readiness, its log and its end."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from app.core.config import ROOT
from app.sandbox import launch
from app.sandbox.commands import Command
from app.sandbox.tail import Tail

PROBE_EVERY_S = 0.05
PROBE_TIMEOUT_S = 2


class Child:
    """`command` as a process in a process group of its own, so that Ctrl-C reaches the supervisor only."""

    def __init__(self, command: Command, logs: Path) -> None:
        self.command = command
        self.log = logs / f"{command.name}.log"
        self.log.write_bytes(b"")
        self.tail = Tail(self.log)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def was_started(self) -> bool:
        return self._process is not None

    async def start(self) -> None:
        """Start it, also again. Its output goes to its log."""
        starter = (sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), str(self.command.nice))
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *starter,
                *self.command.argv,
                cwd=ROOT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **self.command.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )

    async def ended(self) -> int:
        """Its exit code, once it has one; negative for a signal."""
        if self._process is None:
            raise RuntimeError(f"{self.command.name} was never started")
        return await self._process.wait()

    async def ready(self) -> None:
        """Come back once it answers. Never comes back if it never does."""
        url = self.command.ready_url
        while url is not None and not await _answers(url):
            await asyncio.sleep(PROBE_EVERY_S)

    def send(self, number: signal.Signals) -> None:
        """Signal the whole group; nobody left is fine."""
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):  # macOS says “permission” of a group of the dead
                os.killpg(self._process.pid, number)


async def _answers(url: str) -> bool:
    """Whether a GET of `url` is answered by 200 within PROBE_TIMEOUT_S."""
    parts = urlsplit(url)
    request = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            try:
                writer.write(request.encode())
                status = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
    return status.split(b" ")[1:2] == [b"200"]
