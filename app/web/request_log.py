"""One line in the log for each answer, and its figures for Prometheus: what was asked, how it went, how long it took.

By the rule that matched, not by the address: addresses hold ids. No query, no body, no address of the reader.
"""

import logging
from time import perf_counter

from flask import Flask, Response, g, request, request_finished

from app.web import errors, metrics

log = logging.getLogger(__name__)

QUIET = frozenset({"assets.show", "assets.favicon", "health.healthz", "health.readyz"})
"""Nobody acts on a line about these; they are counted all the same."""

NOTHING_NEW = frozenset({204, 304})
"""What a page that waits for something is told twice a second."""


def install(app: Flask) -> None:
    """Note each answer once, after everything that could still change it."""
    app.extensions["postern.metrics"] = metrics.serve  # for web.gunicorn, which must not import it
    app.before_request(_start)
    request_finished.connect(_note, app)


def _start() -> None:
    g.started = perf_counter()


def _note(_app: Flask, response: Response, **_more: object) -> None:
    took_s = perf_counter() - g.started if "started" in g else 0.0
    route = errors.route()
    metrics.answered(method=request.method, route=route, status=response.status_code, took_s=took_s)
    is_quiet = request.endpoint in QUIET or response.status_code in NOTHING_NEW
    if is_quiet and response.status_code < 500:
        return
    log.info(
        "http.answered",
        extra={
            "method": request.method,
            "route": route,
            "status": response.status_code,
            "ms": round(took_s * 1000, 1),
        },
    )
