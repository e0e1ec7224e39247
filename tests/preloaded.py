"""Processes of ours that have their modules when they begin: forked from one that has done nothing but load them.

Loading takes most of the time of a test that starts a process. What such a test tries is what the process does once it
runs; that it starts as operators start it is tried where ports are taken, and wherever `postern run` is.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Mapping, Sequence
from multiprocessing import connection
from pathlib import Path

_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload(["app.gateway.app", "app.gateway.server.workers", "uvloop"])


class Preloaded:
    """`python -W error -m module arguments…`, forked; as much of subprocess.Popen as tests ask for.

    environment: all of it. log: is added to.
    """

    def __init__(self, module: str, environment: Mapping[str, str], log: Path, arguments: Sequence[str] = ()) -> None:
        log.touch()
        self._process = _forking.Process(target=_run, args=(module, dict(environment), str(log), tuple(arguments)))
        self._asking = threading.Lock()
        self._process.start()
        self.pid: int = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self.poll()

    def poll(self) -> int | None:
        with self._asking:  # the code can be read only once
            return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired."""
        connection.wait([self._process.sentinel], timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _run(module: str, environment: dict[str, str], log: str, arguments: tuple[str, ...]) -> None:
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [module, *arguments]
    warnings.simplefilter("error")
    runpy.run_module(module, run_name="__main__", alter_sys=True)
