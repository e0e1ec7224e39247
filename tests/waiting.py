"""Waiting in tests, always for a condition and never for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

PATIENCE_S = 60
"""How long a test waits for what must come. Only a test that fails waits so long, and no machine is too busy for it.

Also what tests give to anything that wants a time-out which is not to expire.
"""


def eventually(check: Callable[[], Found], *, timeout_s: float = PATIENCE_S, every_s: float = 0.02) -> Found:
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
