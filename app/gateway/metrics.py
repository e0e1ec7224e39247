"""Figures for Prometheus, on a port of their own, served by a thread of their own.

Labels are bounded: integrations by those that exist, statuses and reasons by our own lists. Nothing that a caller makes
up becomes a label.
"""

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    start_http_server,
)

from app.core.errors import Invalid
from app.gateway.call_tally import CallTally, CommitTally


class Metrics:
    """One gateway's figures, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self._calls = CallTally()
        self.registry.register(self._calls)
        self._free = Counter(
            "postern_gateway_free_requests",
            "Requests that are not metered.",
            ["integration", "status"],
            registry=self.registry,
        )
        self._refusals = Counter(
            "postern_gateway_refusals", "Requests that were not passed on.", ["reason"], registry=self.registry
        )
        self._in_flight = Gauge("postern_gateway_in_flight", "Requests being answered.", registry=self.registry)
        self._breakers = Gauge(
            "postern_gateway_failing_integrations",
            "Integrations that keep failing and are left alone just now.",
            registry=self.registry,
        )
        self._openings = Counter(
            "postern_gateway_breaker_openings",
            "How often an integration had failed so often that it was left alone.",
            ["integration"],
            registry=self.registry,
        )
        self._declined = Counter(
            "postern_gateway_declined_requests",
            "Requests not made because the integration was left alone.",
            ["integration"],
            registry=self.registry,
        )
        self.unrecorded = Counter(
            "postern_gateway_unrecorded_calls",
            "Calls whose caller had gone and that the ledger had no room for; they cost nothing.",
            registry=self.registry,
        )
        self.attempts_dropped = Counter(
            "postern_gateway_attempts_dropped", "Refused tries of which nothing is kept.", registry=self.registry
        )
        self._commits = CommitTally()
        self.registry.register(self._commits)
        self._policy_age = Gauge(
            "postern_gateway_policy_age_seconds", "How old the news of revocations is.", registry=self.registry
        )
        self._under_way = Gauge("postern_ledger_under_way", "Events not durable yet.", registry=self.registry)
        self.called = self._calls.add
        self.committed = self._commits.add

    def watch(
        self,
        *,
        in_flight: Callable[[], float],
        policy_age_s: Callable[[], float],
        under_way: Callable[[], float],
        failing: Callable[[], float],
    ) -> None:
        """Ask these when figures are asked for."""
        self._in_flight.set_function(in_flight)
        self._policy_age.set_function(policy_age_s)
        self._under_way.set_function(under_way)
        self._breakers.set_function(failing)

    def passed(self, slug: str, http_status: int) -> None:
        """Something free was answered."""
        self._free.labels(slug, f"{http_status // 100}xx").inc()

    def refused(self, reason: str) -> None:
        """A request was not passed on."""
        self._refusals.labels(reason).inc()

    def left_alone(self, slug: str) -> None:
        """An integration failed so often that it is left alone."""
        self._openings.labels(slug).inc()

    def declined(self, slug: str) -> None:
        """A request was not made because of that."""
        self._declined.labels(slug).inc()

    def serve(self, host: str, port: int) -> Callable[[], None]:
        """Answer GET /metrics from a thread. Returns what stops it. Raises Invalid if the port cannot be had."""
        try:
            server, thread = start_http_server(port, host, self.registry)
        except OSError as problem:
            raise Invalid(
                f"The gateway's metrics cannot listen on {host}:{port}: {problem.strerror}. "
                "Set POSTERN_GATEWAY_METRICS_PORT to a free one."
            ) from None

        def stop() -> None:
            server.shutdown()
            server.server_close()
            thread.join(5)

        return stop
