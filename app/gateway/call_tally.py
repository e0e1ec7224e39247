"""How many metered calls ended how, and how long they took, added up without a lock.

prometheus_client takes a lock for each figure, because threads may share them; calls are counted on the event loop
only, and are counted often. Scrapes read from another thread and may miss what is being added, which the next one sees.
"""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_MICROSECONDS = [round(bound * 1_000_000) for bound in SECONDS]
_BOUNDS = [*(str(bound) for bound in SECONDS), "+Inf"]


class _Durations:
    __slots__ = ("buckets", "total_us")

    def __init__(self) -> None:
        self.buckets = [0] * len(_BOUNDS)
        self.total_us = 0


class CallTally(Collector):
    """Counts by integration and status; durations by integration."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, str], int] = {}
        self._durations: dict[str, _Durations] = {}

    def add(self, slug: str, status: str, took_us: int) -> None:
        """A metered call was made durable."""
        key = (slug, status)
        self._calls[key] = self._calls.get(key, 0) + 1
        durations = self._durations.get(slug)
        if durations is None:
            durations = self._durations[slug] = _Durations()
        durations.buckets[bisect_left(_MICROSECONDS, took_us)] += 1
        durations.total_us += took_us

    def collect(self) -> Iterator[Metric]:
        """For the registry."""
        calls = CounterMetricFamily(
            "postern_gateway_calls", "Metered calls, by how they ended.", labels=["integration", "status"]
        )
        for labels, count in list(self._calls.items()):
            calls.add_metric(labels, count)
        yield calls
        seconds = HistogramMetricFamily(
            "postern_gateway_call_seconds",
            "Metered calls, from the first byte in to the event being durable.",
            labels=["integration"],
        )
        for slug, durations in list(self._durations.items()):
            sums = list(zip(_BOUNDS, accumulate(durations.buckets), strict=True))
            seconds.add_metric([slug], buckets=sums, sum_value=durations.total_us / 1_000_000)
        yield seconds
