"""Which limits and which price apply to one key's calls of one tool: worked out once, and remembered (limits.py)."""

from dataclasses import dataclass
from datetime import datetime

from app.limits.book import Slot
from app.limits.rates import Gauge, Window
from app.limits.rules import Rule
from app.plans.prices import Price


@dataclass(slots=True)
class Applying:
    """What applies to one key's calls of one tool.

    windows, allowances: each with what its part of the header RateLimit begins with. slots: what a call takes of each.
    price: until price_until, None for always. currency: what the organisation pays in. whom: kept so that its id stays
    taken. streams: whether answers are streams: True once one was, False while they were none, None before the first.
    """

    whom: object
    windows: tuple[tuple[Rule, Window, bytes], ...]
    gauges: tuple[tuple[Rule, Gauge], ...]
    slots: tuple[tuple[Slot, int], ...]
    allowances: tuple[tuple[Slot, bytes], ...]
    price: Price | None
    price_until: datetime | None
    currency: str
    rules: str
    policy: bytes
    streams: bool | None = None

    def is_current(self, at: datetime) -> bool:
        """Whether it still says what it should."""
        if self.price_until is not None and at >= self.price_until:
            return False
        for _, window, _ in self.windows:
            if window.is_dropped:
                return False
        for _, gauge in self.gauges:  # noqa: SIM110  (on each call's way, and a generator costs more)
            if gauge.is_dropped:
                return False
        return True
