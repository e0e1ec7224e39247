"""Programs that a benchmark starts: ready before they are used, ended whatever happens, their costs counted."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from bench import machine
from bench.problems import Unmeasurable

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0


class Process:
    """A running program with its children."""

    def __init__(self, name: str, popen: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self._popen = popen
        self._log = log

    def cpu_s(self) -> float:
        """CPU seconds, user and system, of the program and its living children."""
        times = [member.cpu_times() for member in self._members()]
        return sum(each.user + each.system for each in times)

    def rss_bytes(self) -> int:
        """Resident memory of the program and its children; pages that they share count more than once."""
        return sum(member.memory_info().rss for member in self._members())

    def wait_until(self, is_ready: Callable[[], bool], timeout_s: float = START_TIMEOUT_S) -> None:
        """Raises Unmeasurable with the last lines of its log when it ends first, or takes too long."""
        until = time.monotonic() + timeout_s
        while not is_ready():
            if self._popen.poll() is not None:
                raise Unmeasurable(f"{self.name} ended with {self._popen.returncode}.\n{self.last_words()}")
            if time.monotonic() > until:
                raise Unmeasurable(f"{self.name} is not ready after {timeout_s:g} s.\n{self.last_words()}")
            time.sleep(0.05)

    def last_words(self) -> str:
        """The end of its log, indented."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]
        return "\n".join(f"  | {line}" for line in lines)

    def stop(self) -> None:
        """Ask, wait, then insist: nothing of it is left afterwards."""
        self._popen.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(STOP_TIMEOUT_S)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()

    def _members(self) -> list[psutil.Process]:
        try:
            first = psutil.Process(self._popen.pid)
            return [first, *first.children(recursive=True)]
        except psutil.NoSuchProcess:
            raise Unmeasurable(f"{self.name} ended while it was measured.\n{self.last_words()}") from None


@contextmanager
def running(
    name: str,
    command: Sequence[str],
    *,
    folder: Path,
    is_ready: Callable[[], bool],
    core: int | None,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    start_timeout_s: float = START_TIMEOUT_S,
) -> Iterator[Process]:
    """`command`, ready to be used inside and ended after.

    folder: where its log goes. core: where it runs. environment: added to that of the benchmark.
    It gets a session of its own, so that Ctrl-C reaches only the benchmark, which then ends it in good order.
    """
    log = folder / f"{name}.log"
    with log.open("wb") as output, machine.on(core):
        popen = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            cwd=cwd,
            start_new_session=True,
        )
    process = Process(name, popen, log)
    try:
        process.wait_until(is_ready, start_timeout_s)
        yield process
    finally:
        process.stop()
