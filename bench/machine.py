"""The machine that measures: its cores, its disk, its free ports, and how busy others keep it."""

import os
import platform
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Cores:
    """Which core is measured and which makes the load. None, None where processes cannot be pinned."""

    measured: int | None
    load: int | None

    @property
    def is_pinned(self) -> bool:
        return self.measured is not None


def cores() -> Cores:
    """The first two cores that this process may use; none on macOS, or where there is only one."""
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return Cores(allowed[0], allowed[1]) if len(allowed) > 1 else Cores(None, None)


@contextmanager
def on(core: int | None) -> Iterator[None]:
    """What is started inside runs on `core` for all its life; None leaves it to the system."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_port(in_a_row: int = 1) -> int:
    """The first of so many TCP ports on loopback that nobody listens on at the moment."""
    while True:
        with ExitStack() as stack, suppress(OSError, OverflowError):
            first = 0
            for offset in range(in_a_row):
                listener = stack.enter_context(socket.socket())
                listener.bind(("127.0.0.1", first + offset if first else 0))
                first = first or int(listener.getsockname()[1])
            return first


class Foreign:
    """How much CPU went to processes that are not ours since this was made."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._busy_s = _busy_s()
        self._own_s = own_cpu_s()

    def cores(self) -> float:
        """In cores: 1.0 is one core kept busy by others all the time."""
        used = _busy_s() - self._busy_s - (own_cpu_s() - self._own_s)
        return max(0.0, used / (time.monotonic() - self._since))


def own_cpu_s() -> float:
    """CPU seconds of this process, of what it started, and of what it started that has ended since."""
    own = psutil.Process()
    times = own.cpu_times()
    total = sum((times.user, times.system, times.children_user, times.children_system))
    for child in own.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            times = child.cpu_times()
            total += times.user + times.system
    return total


def _busy_s() -> float:
    times = psutil.cpu_times()
    return sum(getattr(times, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq", "steal"))


def fdatasync_ms(folder: Path, *, times: int = 100) -> float:
    """Median milliseconds to append 4 KiB to a file in `folder` and have them on the disk: what an event waits for."""
    path = folder / "fdatasync"
    sync = getattr(os, "fdatasync", os.fsync)
    taken = []
    with path.open("wb", buffering=0) as file:
        for _ in range(times):
            started = time.perf_counter()
            file.write(bytes(4096))
            sync(file.fileno())
            taken.append(time.perf_counter() - started)
    path.unlink()
    return statistics.median(taken) * 1000


def facts(folder: Path, pinning: Cores) -> dict[str, str]:
    """What a reader must know to compare numbers with another machine's."""
    return {
        "CPU": f"{_cpu_name()}, {psutil.cpu_count()} cores",
        "pinned": f"measured on core {pinning.measured}, load on core {pinning.load}" if pinning.is_pinned else "no",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "disk": f"fdatasync of 4 KiB takes {fdatasync_ms(folder):.2f} ms",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
    }


def _cpu_name() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
