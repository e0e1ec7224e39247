"""What a call has reserved of allowances and caps, from its admission until it is written down."""

from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from app.limits.models import SPEND


class CounterKey(NamedTuple):
    """One counter: a rule, whom it is counted for, and the start of the day or month. Sorts as locks are taken."""

    rule_id: UUID
    subject_id: UUID
    period_at: datetime


class Settlement(NamedTuple):
    """What a written event does to a counter: `used` is spent, `held` is no longer reserved by this process's lease.

    Plain values, so that it can wait on disk with its event.
    """

    rule_id: UUID
    subject_id: UUID
    period_at: datetime
    process_id: UUID
    held: int
    used: int


class Source(Protocol):
    """Where a hold was taken from."""

    key: CounterKey
    process_id: UUID

    def put_back(self, amount: int) -> None:
        """It was not used after all."""

    def spend(self, amount: int) -> None:
        """It was used, and the database knows."""


class Hold(NamedTuple):
    """amount: at most so much will be used of `source`; calls, or nano-minor-units for spend."""

    source: Source
    measure: str
    amount: int


class Reservation:
    """All that one call holds. For the event loop's thread; whichever of its ends comes first is the only one."""

    __slots__ = ("_holds", "_used")

    def __init__(self, holds: tuple[Hold, ...]) -> None:
        self._holds = holds
        self._used: tuple[int, ...] | None = None

    def settlements(self, *, units: int, amount_nanos: int) -> tuple[Settlement, ...]:
        """What the event that is about to be written settles: empty when nothing was used (a failed call).

        What was held and is not used stays in the process's lease. What was used beyond it (a price known only
        afterwards, above its ceiling) is counted all the same.
        """
        if not self._holds:
            return ()
        used = tuple([amount_nanos if hold.measure == SPEND else units for hold in self._holds])
        self._used = used
        return tuple(
            [
                Settlement(*hold.source.key, hold.source.process_id, min(spent, hold.amount), spent)
                for hold, spent in zip(self._holds, used, strict=True)
                if spent
            ]
        )

    def written(self) -> None:
        """The event is in the database, and with it the settlements."""
        if not self._holds:
            return
        holds, self._holds = self._holds, ()
        for hold, used in zip(holds, self._used or (0,) * len(holds), strict=True):
            settled = min(used, hold.amount)
            if settled:
                hold.source.spend(settled)
            if hold.amount > settled:
                hold.source.put_back(hold.amount - settled)

    def given_back(self) -> None:
        """There is no event and never will be, or it says that nothing was used."""
        holds, self._holds = self._holds, ()
        for hold in holds:
            hold.source.put_back(hold.amount)


NOTHING_HELD = Reservation(())
"""For calls that no allowance or cap applies to."""
