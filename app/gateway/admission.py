"""A request that was let in: what it holds of limits, and what is learnt from it about its tool (limits.py)."""

from datetime import datetime

from app.gateway.applying import Applying
from app.gateway.reply import HeaderList
from app.limits.holds import NOTHING_HELD
from app.limits.rates import Gauge, Rates
from app.limits.rules import Rule


class Admission:
    """A request that was let in. reservation: what it holds, until it is settled or released; owes: whether that is
    still to be reserved. headers: for its answer. at: the moment that decided its day and month; now: the same in
    seconds since 1970. must_wait: whether it is to be found out first if it may be a stream.
    """

    __slots__ = (
        "_is_call",
        "_open",
        "_rates",
        "_tries",
        "applying",
        "at",
        "headers",
        "must_wait",
        "now",
        "owes",
        "price",
        "reservation",
        "rules",
    )

    def __init__(self, applying: Applying, rates: Rates, *, at: datetime, now: float, is_call: bool) -> None:
        self._rates = rates
        self._is_call = is_call
        self._open: tuple[tuple[Rule, Gauge], ...] = ()
        self._tries: tuple[tuple[Rule, Gauge], ...] = ()
        self.applying = applying
        self.price = applying.price
        self.rules = applying.rules
        self.reservation = NOTHING_HELD
        self.owes = self.must_wait = False
        self.headers: HeaderList = []
        self.at = at
        self.now = now

    def answers_plainly(self) -> None:
        """Its answer is no stream."""
        if self._is_call and self.applying.streams is None:
            self._learn(streams=False)

    def streaming(self) -> None:
        """Its answer is a stream."""
        if self._is_call and not self.applying.streams:
            self._learn(streams=True)
        self.expect_stream()

    def _learn(self, *, streams: bool) -> None:
        self.applying.streams = streams
        for _, gauge in self.applying.gauges:
            gauge.tell()

    def expect_stream(self) -> None:
        """Its answer counts as an open stream from now on, if it does not already."""
        if self.applying.gauges and not self._open:
            self._open = self.applying.gauges
            for _, gauge in self._open:
                self._rates.stream(gauge, 1)

    def try_stream(self) -> None:
        """Nobody knows yet whether its answer will be a stream: it takes a place if there is one, or is the one call
        that may find out without.
        """
        gauges = self.applying.gauges
        if any(gauge.is_full for _, gauge in gauges):
            self._tries = gauges
            for _, gauge in gauges:
                gauge.is_tried = True
        else:
            self.expect_stream()

    def close(self) -> None:
        """Its answer is over, or there will be none of an integration's: it counts as open no more."""
        tries, self._tries = self._tries, ()
        for _, gauge in tries:
            gauge.is_tried = False
        closing, self._open = self._open, ()
        for _, gauge in closing:
            self._rates.stream(gauge, -1)
        for _, gauge in tries or closing:
            if gauge.waiting:
                gauge.tell()

    def release(self) -> None:
        """Give everything back: there will be no event. Harmless once it is settled."""
        self.reservation.given_back()
