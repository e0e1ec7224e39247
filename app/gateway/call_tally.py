"""How many metered calls ended how, how long they took, and how they were written down, added up without a lock.

prometheus_client takes a lock for each figure, because threads may share them; calls are counted on the event loop
only and commits in one thread, and both often. Scrapes read from another thread and may miss what is being added, which
the next one sees.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_MICROSECONDS = [round(bound * 1_000_000) for bound in SECONDS]
COMMIT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0)
COMMIT_SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0)


class _Spread:
    """How many of what was added are at most as large as each of `bounds`, and what all of it comes to."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def into(self, family: HistogramMetricFamily, labels: Sequence[str], *, per: int = 1) -> None:
        """per: how many of the bounds' units are one of the family's."""
        names = [*(str(bound / per) for bound in self.bounds), "+Inf"]
        sums = list(zip(names, accumulate(self.counts), strict=True))
        family.add_metric(labels, buckets=sums, sum_value=self.total / per)


class CallTally(Collector):
    """Counts by integration and status; durations by integration."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, str], int] = {}
        self._durations: dict[str, _Spread] = {}

    def add(self, slug: str, status: str, took_us: int) -> None:
        """A metered call was made durable."""
        key = (slug, status)
        self._calls[key] = self._calls.get(key, 0) + 1
        durations = self._durations.get(slug)
        if durations is None:
            durations = self._durations[slug] = _Spread(_MICROSECONDS)
        durations.counts[bisect_left(_MICROSECONDS, took_us)] += 1
        durations.total += took_us

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
            durations.into(seconds, [slug], per=1_000_000)
        yield seconds


class CommitTally(Collector):
    """Groups of events that were made durable: how long each took, and how many events it had."""

    def __init__(self) -> None:
        self._seconds, self._sizes = _Spread(COMMIT_SECONDS), _Spread(COMMIT_SIZES)

    def add(self, size: int, seconds: float) -> None:
        """From the recorder's thread."""
        self._seconds.add(seconds)
        self._sizes.add(size)

    def collect(self) -> Iterator[Metric]:
        """For the registry."""
        seconds = HistogramMetricFamily("postern_ledger_commit_seconds", "Writing one group of events.")
        self._seconds.into(seconds, [])
        yield seconds
        sizes = HistogramMetricFamily("postern_ledger_commit_events", "Events in one group.")
        self._sizes.into(sizes, [])
        yield sizes
