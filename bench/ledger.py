"""Whether the ledger holds exactly what callers were answered."""

import time

from bench.problems import Unmeasurable
from bench.world import World
from bench.wrk import Load

TIMEOUT_S = 10.0
STEP_S = 0.2
STILL = 3
"""So many looks in a row that find the same."""


class Ledger:
    """Counts from when it is made. Nothing but the loads that are told to `settle` may call the gateway meanwhile."""

    def __init__(self, place: World) -> None:
        self._place = place
        self._before = place.events()
        self._answers = 0
        self._events = 0
        self._in_flight = 0

    def settle(self, load: Load, callers: int) -> None:
        """Compare the events that `load` left with its answers.

        When wrk ends, each caller may have one call on its way: it can be in the ledger, and its answer was not read.
        Raises Unmeasurable when there are fewer events than answers, or more than those calls explain.
        """
        after = self._settled()
        new = {status: number - self._before.get(status, 0) for status, number in after.items()}
        events, failed = sum(new.values()), {status: n for status, n in new.items() if n and status not in _FINE}
        if failed:
            raise Unmeasurable(f"The ledger holds calls that did not end well: {failed}.")
        self._before = after
        self._answers += load.answers
        self._events += events
        self._in_flight += callers
        # On a busy machine a call that was cut off may be written down as late as during the next load.
        if events < load.answers or self._events > self._answers + self._in_flight:
            raise Unmeasurable(f"{load.answers:,} calls were answered and {events:,} are in the ledger.")

    def sentence(self) -> str:
        """What was compared so far."""
        return (
            f"Ledger: {self._events:,} events for {self._answers:,} answers that callers got; "
            f"{self._events - self._answers:,} more of at most {self._in_flight:,} calls that were on their way when "
            "a load ended. None is missing."
        )

    def _settled(self) -> dict[str, int]:
        """The counts, once they no longer move."""
        until = time.monotonic() + TIMEOUT_S
        counts, still = self._place.events(), 0
        while time.monotonic() < until:
            time.sleep(STEP_S)
            before, counts = counts, self._place.events()
            still = still + 1 if counts == before else 0
            if still == STILL:
                return counts
        raise Unmeasurable(f"The ledger still grows {TIMEOUT_S:g} s after the last call.")


_FINE = {"ok", "cancelled"}
