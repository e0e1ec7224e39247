"""Waiting in tests, always for a condition and never for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def eventually(check: Callable[[], Found], *, timeout_s: float = 10, every_s: float = 0.02) -> Found:
    """The first truthy answer of `check`, asked again and again.

    An exception in `check` counts as “not yet”. Raises AssertionError after timeout_s seconds, from the last exception.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        problem: Exception | None = None
        try:
            if found := check():
                return found
        except Exception as caught:  # noqa: BLE001  (whatever went wrong may go right at the next try)
            problem = caught
        if time.monotonic() > deadline:
            raise AssertionError(f"Still not true after {timeout_s} s: {check}") from problem
        time.sleep(every_s)
