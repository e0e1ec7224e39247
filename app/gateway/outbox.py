"""Bytes on their way out, collected until everything that has come in by now has been dealt with.

Whoever receives is woken by the first byte. Sent one by one, a group of calls wakes the other side as often as there
are calls; sent together it wakes once and finds them all. A lone call waits for nothing: its turn of the loop is over.
"""

import asyncio
from typing import Protocol


class Sender(Protocol):
    """A connection that has something to send."""

    def flush(self) -> None:
        """Send it."""


class Outbox:
    """For one event loop. Whoever has been added is asked to flush once, soon."""

    __slots__ = ("_loop", "_senders")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._senders: list[Sender] = []

    def add(self, sender: Sender) -> None:
        """It has something to send, and had nothing before."""
        if not self._senders:
            self._loop.call_soon(self._flush)
        self._senders.append(sender)

    def _flush(self) -> None:
        senders, self._senders = self._senders, []
        for sender in senders:
            sender.flush()
