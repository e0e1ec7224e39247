"""Figures of what waits on disk for the database, read from the folder whenever somebody asks."""

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from app.metering.spool import Stock


class SpoolFigures(Collector):
    """stock: asked in the thread that answers scrapes; gateways that share a folder all say the same."""

    def __init__(self, stock: Callable[[], Stock]) -> None:
        self._stock = stock

    def collect(self) -> Iterator[Metric]:
        """For the registry."""
        stock = self._stock()
        yield GaugeMetricFamily("postern_spool_files", "Files of events that wait on disk.", stock.files)
        yield GaugeMetricFamily("postern_spool_bytes", "Bytes of events that wait on disk.", stock.size)
        yield GaugeMetricFamily("postern_spool_oldest_seconds", "Age of the oldest; 0 for none.", stock.oldest_s)
        yield GaugeMetricFamily("postern_spool_broken_files", "Files that could not be read, set aside.", stock.broken)
