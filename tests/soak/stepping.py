"""Runs one of Postern's programs with a clock that can be set while it runs.

`python -m tests.soak.stepping FILE app.gateway`: FILE holds a C double, the seconds by which its clock is ahead.
"""

import mmap
import runpy
import struct
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

DOUBLE = struct.Struct("d")


class Clock:
    """The hand that sets it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.set(0.0)

    def set(self, ahead_s: float) -> None:
        """For all who run with it, at once."""
        with self.path.open("r+b" if self.path.exists() else "w+b") as file:
            file.write(DOUBLE.pack(ahead_s))

    def arguments(self, module: str) -> tuple[str, ...]:
        """To Python, for running `module` with this clock."""
        return ("-m", "tests.soak.stepping", str(self.path), module)


def main() -> None:
    path, module = sys.argv[1:3]
    with Path(path).open("rb") as file:
        memory = mmap.mmap(file.fileno(), DOUBLE.size, access=mmap.ACCESS_READ)
    wall, wall_ns = time.time, time.time_ns

    def ahead_s() -> float:
        return DOUBLE.unpack(memory[: DOUBLE.size])[0]

    time.time = lambda: wall() + ahead_s()
    time.time_ns = lambda: wall_ns() + int(ahead_s() * 1e9)
    from app.core import clock  # only now, so that all of it is loaded with the other clock

    clock.now = lambda: datetime.fromtimestamp(time.time(), UTC)
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
