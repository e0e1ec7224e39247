"""Figures for Prometheus, added up over all worker processes, served on a port of their own.

Under gunicorn each process writes its figures to files in PROMETHEUS_MULTIPROC_DIR (set in web/gunicorn.py before this
module is imported), and any process can answer for all of them: each listens on the same port (SO_REUSEPORT).
"""

import os
import socketserver
import threading
from collections.abc import Callable
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, make_wsgi_app
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_answers = Counter("postern_portal_answers", "Answers of the portal.", ["method", "route", "status"])
_seconds = Histogram(
    "postern_portal_answer_seconds",
    "From the first line of a request to the end of its transaction.",
    ["route"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
_leaks = Counter("postern_leak_reports", "Tokens reported as leaked.", ["source", "outcome"])


def answered(*, method: str, route: str, status: int, took_s: float) -> None:
    """Count one answer. Labels have few values: whatever a client makes up is “other”."""
    _answers.labels(method if method in _METHODS else "other", route, str(status)).inc()
    _seconds.labels(route).observe(took_s)


def leak_reported(*, source: str, is_ours: bool) -> None:
    """Count one token that somebody found. source: one of the few that app/leaks/words.py knows."""
    _leaks.labels(source, "ours" if is_ours else "unknown").inc()


def serve(host: str, port: int) -> Callable[[], None]:
    """Answer GET /metrics from a thread. Returns what stops it.

    Raises OSError if the port is taken by somebody who does not share it.
    """
    server = _Server((host, port), _Quiet)
    server.set_app(make_wsgi_app(_registry()))
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()

    def stop() -> None:
        server.shutdown()
        server.server_close()

    return stop


def _registry() -> CollectorRegistry:
    if FOLDER not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # it has no types
    return registry


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    allow_reuse_port = True
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    timeout = 10

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the library's name)
        """Scrapes are not worth a line."""
