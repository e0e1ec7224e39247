"""Several gateways on one port: a parent that starts them, passes signals on, and replaces one that dies.

The parent forks before there is a thread, a database connection or an event loop, and does nothing else itself.
"""

import logging
import os
import signal
import traceback
from collections.abc import Callable
from time import monotonic

log = logging.getLogger(__name__)

CANNOT_START = 2
"""The exit code of a worker that would not start the next time either."""
SHORT_LIFE_S = 5.0
PAUSE_S = 1
STOP_S = 60
STOPPING = (signal.SIGTERM, signal.SIGINT)
AWAITED = (*STOPPING, signal.SIGCHLD, signal.SIGALRM)

Serve = Callable[[int, int], int]


class Supervisor:
    """Runs `count` workers."""

    def __init__(self, serve: Serve, count: int) -> None:
        """serve: what a worker does until its end, with its number from 0 and a file descriptor that can be read once
        the parent has gone; gives its exit code.
        """
        self._serve = serve
        self._count = count
        self._running: dict[int, tuple[int, float]] = {}
        self._resting: list[int] = []
        self._exit_code = 0
        self._is_stopping = False

    def run(self) -> int:
        """Until told to stop by a signal, or until no worker can start; gives the exit code."""
        self._parent_lives, self._parent_has_gone = os.pipe()[::-1]
        signal.signal(signal.SIGCHLD, lambda *_: None)  # or some systems would drop it
        signal.pthread_sigmask(signal.SIG_BLOCK, AWAITED)
        for number in range(self._count):
            self._start(number)
        while self._running or self._resting:
            self._heed(signal.sigwait(AWAITED))
        return self._exit_code

    def _heed(self, number: int) -> None:
        if number in STOPPING:
            self._stop()
        elif number == signal.SIGCHLD:
            self._reap()
        elif self._is_stopping:
            self._tell_all(signal.SIGKILL)
        else:
            resting, self._resting = self._resting, []
            for worker in resting:
                self._start(worker)

    def _start(self, number: int) -> None:
        pid = os.fork()
        if pid == 0:
            self._become(number)
        self._running[pid] = (number, monotonic())

    def _become(self, number: int) -> None:
        """The worker's whole life."""
        code = 1
        try:
            os.close(self._parent_lives)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches everybody; the parent passes it on
            signal.pthread_sigmask(signal.SIG_UNBLOCK, AWAITED)
            code = self._serve(number, self._parent_has_gone)
        except SystemExit as ending:
            code = ending.code if isinstance(ending.code, int) else 1
        except BaseException:  # noqa: BLE001  (it must not get back into what the parent does)
            traceback.print_exc()
        finally:
            os._exit(code)

    def _reap(self) -> None:
        """One signal may stand for several children."""
        while self._running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            number, began_at = self._running.pop(pid)
            if not self._is_stopping:
                self._replace(number, os.waitstatus_to_exitcode(status), monotonic() - began_at)

    def _replace(self, number: int, code: int, lived_s: float) -> None:
        if code == CANNOT_START:
            self._exit_code = code
            self._stop()
            return
        log.error("gateway.worker_died", extra={"worker": number, "code": code})
        if lived_s >= SHORT_LIFE_S:
            self._start(number)
        else:
            self._resting.append(number)
            signal.alarm(PAUSE_S)

    def _stop(self) -> None:
        """Asked twice, the workers hurry."""
        self._is_stopping = True
        self._resting.clear()
        self._tell_all(signal.SIGTERM)
        signal.alarm(STOP_S)

    def _tell_all(self, number: int) -> None:
        for pid in self._running:
            os.kill(pid, number)
