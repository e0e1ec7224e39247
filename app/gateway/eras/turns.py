"""What an integration may say while it works on a request, whichever era it is of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.gateway.eras.messages import Json, Message
from app.gateway.upstream.exchange import Exchange


@dataclass(frozen=True, slots=True)
class Note:
    """A notification, to be passed on as it is."""

    message: Message


@dataclass(frozen=True, slots=True)
class Question:
    """key: by which its answer is told from others'. params: JSON, b"" for none."""

    key: str
    method: str
    params: bytes


@dataclass(frozen=True, slots=True)
class Asks:
    """The integration wants all of these answered before it goes on."""

    questions: Sequence[Question]


@dataclass(frozen=True, slots=True)
class Final:
    """The response."""

    message: Message


Turn = Note | Asks | Final
Answers = Mapping[str, Json]
"""By the question's key: the result of each, as JSON."""


class Side(Protocol):
    """An integration at work on one request.

    exchange: the one under way, which ends when the caller leaves. Every method raises UpstreamProblem.
    """

    exchange: Exchange

    async def begin(self) -> None:
        """Ask."""

    async def next(self) -> Turn:
        """What it says next; nothing after Final."""

    async def answer(self, answers: Answers) -> None:
        """Tell it what it wanted to know."""

    def close(self) -> None:
        """Want no more of it."""
