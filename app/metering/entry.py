"""An event on its way to the ledger, with all that has to happen in the same transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from app.limits.holds import NOTHING_HELD, Reservation, Settlement
from app.metering.ledger import EventRow


@dataclass(frozen=True, slots=True)
class Answer:
    """What a retry with the same idempotency key is to be told.

    receipt: of the try that claimed it. digest: of the caller's key for the call. is_kept: False when there is nothing
    to be told twice, and the claim goes. result: the JSON of the result as the integration sent it; None when it is too
    large to be kept.
    """

    receipt: str
    digest: str
    http_status: int
    is_kept: bool
    result: bytes | None


class Month(NamedTuple):
    """The organisation's running totals in its UTC month, the event included."""

    units: int
    amount_nanos: int


class Waiter(Protocol):
    """Who waits for an event to be durable: a future, or what looks like one to the recorder."""

    def done(self) -> bool:
        """Whether it was told, or waits no more. Asked from both threads."""

    def set_result(self, receipt: str, /) -> None:
        """It is durable; the receipt's text."""

    def set_exception(self, problem: Any, /) -> None:  # noqa: ANN401  (as of a future)
        """It is not, by NotRecorded."""


class Entry:
    """One event and its waiter.

    done: told the receipt's text once it is durable; None when nobody waits and the event is to be
    written all the same. until: by the monotonic clock, how long the waiter waits. reservation: told how it ended.
    settlements: what the event does to allowances and caps; is_owed: in any case, because its answer has left
    already. is_taken_back: its own transaction reverses it. month: set when it is written; None when that is not
    known, because it waits on disk. left_nanos: what the tightest cap on spending has left then, as far as is
    known. ceiling_nanos: the most that it can cost. moment: when the call came, as text, once somebody has needed it.
    """

    __slots__ = (
        "answer",
        "ceiling_nanos",
        "done",
        "is_owed",
        "is_taken_back",
        "left_nanos",
        "moment",
        "month",
        "receipt",
        "reservation",
        "row",
        "settlements",
        "until",
    )

    def __init__(
        self,
        row: EventRow,
        done: Waiter | None = None,
        until: float = 0.0,
        *,
        reservation: Reservation = NOTHING_HELD,
        settlements: Sequence[Settlement] = (),
        answer: Answer | None = None,
    ) -> None:
        self.row = row
        self.ceiling_nanos = row["amount_nanos"]
        self.done = done
        self.until = until
        self.reservation = reservation
        self.settlements = settlements
        self.is_owed = False
        self.is_taken_back = False
        self.answer = answer
        self.month: Month | None = None
        self.left_nanos: int | None = None
        self.moment = ""
        self.receipt = ""

    @property
    def is_withdrawn(self) -> bool:
        """Whether its waiter has given up. Asked from both threads: who withdraws in the moment of the commit is
        found out when the outcome is told, and the event is reversed (recorder.py).
        """
        return self.done is not None and self.done.done()
