"""Ports for the processes of tests, such that test processes which run beside each other never get the same."""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

FIRST, LAST = 10_000, 32_000
"""Below those that systems give to outgoing connections (32768 and up), which come and go between a look and a use."""
BLOCK = 10

_given: set[int] = set()
_locks: list[int] = []


def free_port() -> int:
    """A port that nobody listens on and that no other test has been given."""
    return free_base_port(1)


def free_base_port(count: int = 8) -> int:
    """The first of `count` ports in a row, at most BLOCK, of which the same is true."""
    assert count <= BLOCK
    while True:
        base = random.randrange(FIRST, LAST, BLOCK)
        if _is_ours(base) and all(_is_free(base + offset) for offset in range(count)):
            return base


def _is_ours(base: int) -> bool:
    """Whether the block at `base` is now this process's, and was not given before; so it stays until that ends."""
    if base in _given:
        return False
    try:
        fcntl.lockf(_lock(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, base)
    except OSError:
        return False
    _given.add(base)
    return True


def _lock() -> int:
    """A file of which each byte stands for a port; it is left open, because closing it would give all locks back."""
    if not _locks:
        path = Path(tempfile.gettempdir()) / f"postern-test-ports-{os.getuid()}"
        _locks.append(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    return _locks[0]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
