"""Who an exchange has to do with: the connection below it, and whoever wants its answer."""

from typing import Protocol


class Carrier(Protocol):
    """What an exchange asks of the connection that carries it."""

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def look_at(self, when: float) -> None: ...
    def finished(self, *, is_reusable: bool) -> None: ...
    def abort(self) -> None: ...


class Listener(Protocol):
    """Who wants to hear of an answer without waiting for it in a task."""

    def news(self) -> None:
        """Its head is there, or more of it; or there will be no more."""
