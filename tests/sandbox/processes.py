"""Real processes for tests: a free port, a module started on it, ready when it answers."""

import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    """A port that nobody listens on just now."""
    return free_base_port(1)


def free_base_port(count: int = 7) -> int:
    """The first of `count` ports in a row that nobody listens on just now.

    Below those that systems give to outgoing connections (32768 and up), which come and go between a look and a use.
    """
    while True:
        base = random.randrange(10_000, 32_000)
        if all(_is_free(base + offset) for offset in range(count)):
            return base


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
        eventually(lambda: process.poll() is not None or requests.get(ready_url, timeout=2).ok, timeout_s=30)
        assert process.poll() is None, log.read_text()
        yield process
    finally:
        process.terminate()
        process.wait(timeout=15)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
