"""Questions that callers have been asked and have not answered yet.

A caller of the handshake era answers by a request of its own, which meets the question here by its session and id. A
caller of 2026-07-28 brings its answers with the next request, whose state names the work that is parked here meanwhile.
Both live in this process alone: an answer that comes to another replica, or too late, finds nothing and is told so.
"""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from app.core import crypto
from app.gateway.eras.messages import Message
from app.gateway.eras.turns import Side

WAIT_S = 300.0
"""A person has to think, and no longer than that."""
PARKED_PER_KEY = 20


@dataclass(slots=True)
class _Parked:
    key_id: UUID
    side: Side
    timer: asyncio.TimerHandle


class Questions:
    """All of one gateway's; for its event loop alone."""

    def __init__(self) -> None:
        self._open: dict[tuple[UUID, bytes, str], asyncio.Future[Message]] = {}
        self._parked: dict[str, _Parked] = {}

    # Callers of the handshake era

    def ask(self, key_id: UUID, session: bytes) -> tuple[str, asyncio.Future[Message]]:
        """A new question: its id, and what is settled with the caller's response to it."""
        question_id = f"postern-{crypto.random_token()[:16]}"
        answered: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        place = (key_id, session, question_id)
        self._open[place] = answered
        answered.add_done_callback(lambda _: self._open.pop(place, None))
        return question_id, answered

    def answered(self, key_id: UUID, session: bytes, response: Message) -> bool:
        """Whether somebody waited for this response."""
        waiting = self._open.get((key_id, session, str(response.id)))
        if waiting is None or waiting.done():
            return False
        waiting.set_result(response)
        return True

    # Callers of 2026-07-28

    def may_park(self, key_id: UUID) -> bool:
        """Whether one more piece of work of this key may wait."""
        return sum(parked.key_id == key_id for parked in self._parked.values()) < PARKED_PER_KEY

    def park(self, key_id: UUID, side: Side) -> str:
        """Keep a piece of work until its caller comes back with answers; gives the name by which it is found."""
        name = crypto.random_token()
        timer = asyncio.get_running_loop().call_later(WAIT_S, self._give_up, name)
        self._parked[name] = _Parked(key_id, side, timer)
        return name

    def take(self, key_id: UUID, name: str) -> Side | None:
        """The work that was parked under this name, once, for the key that it was parked for."""
        parked = self._parked.get(name)
        if parked is None or parked.key_id != key_id:
            return None
        del self._parked[name]
        parked.timer.cancel()
        return parked.side

    def close(self) -> None:
        """Give up all; the gateway stops."""
        for name in list(self._parked):
            self._give_up(name)

    def _give_up(self, name: str) -> None:
        parked = self._parked.pop(name, None)
        if parked is not None:
            parked.timer.cancel()
            parked.side.close()
