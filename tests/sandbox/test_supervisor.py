"""`postern run` starts, watches and stops processes, and leaves none behind, however it ends itself."""

import contextlib
import signal
import socket
import sys

import psutil
import pytest

from tests.ports import free_base_port
from tests.preloaded import Preloaded
from tests.sandbox.processes import environment
from tests.sandbox.supervised import ANSWERS, SERVES
from tests.waiting import PATIENCE_S, eventually

IGNORES_TERM = """
import signal, time
signal.signal(signal.SIGTERM, lambda *_: print("told", flush=True))
print("deaf", flush=True)
time.sleep(999)
"""
HAS_A_CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(999)'])"
WARNS = (
    "import sys, time; print('09:00:00.000 WARNING disk.nearly_full free_bytes=1', file=sys.stderr); time.sleep(999)"
)
RAISES = "import time\ntime.sleep(0.3)\nraise ValueError('broken on purpose')"


class Supervised:
    """A supervisor in a process of its own, and what it has said so far."""

    def __init__(self, folder, *scripts, base_port=None, stop_within_s=10):
        self.base_port = base_port or free_base_port()
        self._said = folder / "said"
        self.data_dir = folder / "var"
        patience = {"STOP_WITHIN_S": str(stop_within_s)}
        arguments = [str(self.data_dir), str(self.base_port), *scripts]
        self.process = Preloaded("tests.sandbox.supervised", environment() | patience, self._said, arguments)

    @property
    def log(self):
        """Of the first script."""
        return self.data_dir / "log" / "number0.log"

    @property
    def said(self):
        return self._said.read_text()

    def until_said(self, words):
        eventually(lambda: words in self.said or self.process.poll() is not None)
        assert words in self.said, self.said

    def descendants(self):
        return psutil.Process(self.process.pid).children(recursive=True)

    def stopped(self, number=signal.SIGINT):
        """Its exit code after the signal."""
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE_S)


@pytest.fixture
def start(tmp_path):
    started = []

    def start(*scripts, **options):
        started.append(Supervised(tmp_path, *scripts, **options))
        return started[-1]

    yield start
    for each in started:
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in [*each.descendants(), psutil.Process(each.process.pid)]:
                process.kill()
        each.process.wait(timeout=PATIENCE_S)


def gone(processes):
    return eventually(lambda: not any(_is_alive(process) for process in processes))


def _is_alive(process):
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_table_says_what_runs_whom_to_be_and_what_next(start):
    supervised = start(SERVES)

    supervised.until_said("Ctrl-C stops it")

    assert f"number0   http://127.0.0.1:{supervised.base_port}  a process for tests" in supervised.said
    assert "password let-me-in" in supervised.said
    assert "alex      Alex Mason" in supervised.said
    assert f"Now open http://127.0.0.1:{supervised.base_port}" in supervised.said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stop_is_clean_and_leaves_nobody(start, number):
    supervised = start(SERVES, HAS_A_CHILD)
    supervised.until_said("Ctrl-C stops it")
    processes = eventually(lambda: len(supervised.descendants()) == 3 and supervised.descendants())

    code = supervised.stopped(number)

    assert code == 0
    assert gone(processes)
    assert "Traceback" not in supervised.said


def test_stop_works_while_still_starting(start):
    supervised = start("import time; time.sleep(999)", SERVES, base_port=free_base_port())
    processes = eventually(supervised.descendants)

    assert supervised.stopped() == 0
    assert gone(processes)


def test_second_signal_kills_at_once(start):
    supervised, processes = _deaf(start, stop_within_s=10 * PATIENCE_S)

    supervised.process.send_signal(signal.SIGINT)
    eventually(lambda: "told" in supervised.log.read_text())
    assert supervised.process.poll() is None
    code = supervised.stopped()

    assert code == 0
    assert gone(processes)


def test_process_that_does_not_stop_is_killed(start):
    supervised, processes = _deaf(start, stop_within_s=0.1)

    assert supervised.stopped() == 0
    assert gone(processes)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_kill_of_the_supervisor_ends_its_processes(start):
    supervised = start(SERVES, SERVES)
    supervised.until_said("Ctrl-C stops it")
    processes = supervised.descendants()

    supervised.process.kill()

    assert gone(processes)


def test_taken_port_is_named_and_nothing_starts(start):
    base_port = free_base_port()
    with socket.create_server(("127.0.0.1", base_port + 1)):
        supervised = start(SERVES, SERVES, base_port=base_port)

        code = supervised.process.wait(timeout=PATIENCE_S)

    assert code == 1
    assert f"  {base_port + 1}  wanted by number1; POSTERN_NUMBER1_PORT moves it" in supervised.said
    assert f"  {base_port}  " not in supervised.said
    assert "make run" in supervised.said
    assert not (supervised.data_dir / "log").exists()


def test_second_supervisor_on_the_same_data_is_refused(start):
    first = start(SERVES)
    first.until_said("Ctrl-C stops it")

    second = start(SERVES)

    assert second.process.wait(timeout=PATIENCE_S) == 1
    assert "already runs" in second.said


def test_dead_process_is_started_again(start):
    supervised = start(SERVES, SERVES)
    supervised.until_said("Ctrl-C stops it")
    first, other = supervised.descendants()

    first.kill()

    supervised.until_said("was ended by SIGKILL; starting it again in 0.02 s")
    again = eventually(lambda: len(supervised.descendants()) == 2 and supervised.descendants())
    assert other in again
    assert first not in again


def test_process_that_keeps_dying_stops_everything(start):
    supervised = start(SERVES, RAISES)
    supervised.until_said("Ctrl-C stops it")
    processes = supervised.descendants()

    code = supervised.process.wait(timeout=2 * PATIENCE_S)

    assert code == 1
    assert "number1 ended with exit code 1; starting it again in 0.02 s" in supervised.said
    assert "ValueError: broken on purpose" in supervised.said
    assert "after 5 new starts. Stopping everything." in supervised.said
    assert gone(processes)


def test_process_that_never_answers_stops_everything_at_once(start):
    supervised = start(SERVES, f"{ANSWERS}raise SystemExit('There is no such setting.')")

    code = supervised.process.wait(timeout=PATIENCE_S)

    assert code == 1
    assert "number1 ended with exit code 1 before it answered" in supervised.said
    assert "There is no such setting." in supervised.said
    assert "Ctrl-C stops it" not in supervised.said


def test_warnings_are_shown_with_their_process(start):
    supervised = start(SERVES, WARNS)

    supervised.until_said("number1   09:00:00.000 WARNING disk.nearly_full free_bytes=1")
    assert "GET /" not in supervised.said


def _deaf(start, **options):
    """A supervisor whose only process ignores SIGTERM, and that process."""
    supervised = start(IGNORES_TERM, **options)
    supervised.until_said("Ctrl-C stops it")
    eventually(lambda: "deaf" in supervised.log.read_text())
    return supervised, supervised.descendants()
