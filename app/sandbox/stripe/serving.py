"""Serving the stand-in over HTTP on loopback, with a thread that lets time do its work and sends webhooks."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from app.sandbox.stripe import webhooks
from app.sandbox.stripe.billing import cycle
from app.sandbox.stripe.desk import Desk

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
EVERY_S = 1.0
KEEP_ALIVE_S = 60


class Handler(WSGIRequestHandler):
    """Says nothing, and sends small answers at once."""

    disable_nagle_algorithm = True
    timeout = KEEP_ALIVE_S

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002  (werkzeug's name)
        pass


def server(app: Flask, port: int) -> BaseWSGIServer:
    """Listens at once; serve_forever() answers."""
    made = make_server(HOST, port, app, threaded=True, request_handler=Handler)
    made.daemon_threads = True  # type: ignore[attr-defined]  # socketserver's, of the threaded server
    return made


@contextmanager
def ticking(desk: Desk) -> Iterator[None]:
    """While in here, what is due happens, and webhooks go out."""
    stop = threading.Event()
    thread = threading.Thread(target=_tick, args=(desk, stop), name="stripe-ticker", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        desk.woken.set()
        thread.join(timeout=webhooks.TIMEOUT_S + 1)


def _tick(desk: Desk, stop: threading.Event) -> None:
    while not stop.is_set():
        desk.woken.wait(EVERY_S)
        desk.woken.clear()
        if stop.is_set():
            return
        try:
            cycle.catch_up(desk)
            webhooks.deliver(desk.store, now=desk.now())
        except Exception:
            log.exception("stripe.tick_failed")
