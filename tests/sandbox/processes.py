"""Real processes for tests: a module, started, and ready when it answers."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.ports import free_port  # noqa: F401  (goes with a process)
from tests.waiting import PATIENCE_S, eventually

ROOT = Path(__file__).resolve().parents[2]


def environment(**settings: object) -> dict[str, str]:
    """This process's environment with `settings` (`base_port=…`) in place of its own settings of Postern."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("POSTERN_")}
    return inherited | {f"POSTERN_{name.upper()}": str(value) for name, value in settings.items()}


@contextmanager
def running(*arguments: str, ready_url: str, log: Path, **settings: object) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m <arguments>` with `settings`, from its first answer at ready_url until the block ends."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments], cwd=ROOT, env=environment(**settings), stdout=output, stderr=output
        )
    try:
        eventually(lambda: process.poll() is not None or requests.get(ready_url, timeout=PATIENCE_S).ok)
        assert process.poll() is None, log.read_text()
        yield process
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE_S)
