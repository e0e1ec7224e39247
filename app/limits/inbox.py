"""What the event loop hands to the keeper's thread: leases that are wanted, and what is given back."""

from queue import Empty, SimpleQueue
from uuid import UUID

from app.limits.book import Pool
from app.limits.holds import CounterKey
from app.limits.leases import Want

Ask = tuple[Pool, Want]
Return = tuple[CounterKey, UUID, int]


class Inbox(SimpleQueue[Ask | Return | None]):
    """`put` is for the loop; None wakes whoever waits."""

    def next(self, timeout_s: float) -> tuple[list[Ask], list[Return]]:
        """What has come, waiting for the first."""
        asks: list[Ask] = []
        returns: list[Return] = []
        try:
            message = self.get(timeout=timeout_s)
            while True:
                if message is None:
                    pass
                elif isinstance(message[0], Pool):
                    asks.append(message)
                else:
                    returns.append(message)
                message = self.get_nowait()
        except Empty:
            return asks, returns
