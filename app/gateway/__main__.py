"""The gateway process: `python -m app.gateway`; with POSTERN_GATEWAY_WORKERS a parent and so many of them."""

import asyncio
import gc
import logging
import signal
import sys
from functools import partial

import uvloop

from app.core import config, db, logs
from app.core.config import Settings
from app.core.errors import Invalid
from app.gateway.app import Gateway
from app.gateway.server import serving, sockets
from app.gateway.server.limits import Limits
from app.gateway.server.serving import Server
from app.gateway.server.sockets import Listeners
from app.gateway.server.workers import CANNOT_START, Supervisor

log = logging.getLogger("app.gateway")

IDLE_MS = 10_000
"""Less than it takes until others take this process for dead and need what it has locked."""
SWITCH_S = 0.0005
"""How long the event loop may keep Python's lock from the thread that writes the ledger: Python's own 5 ms, met at each
statement, would be most of what a call waits under load.
"""


def main() -> None:
    """Serve until told to stop. Exits with 2 and one clear line when it cannot start."""
    try:
        settings = config.load()
        logs.set_up(level=settings.log_level, as_json=settings.logs_json)
        listeners = sockets.listen(settings.bind_host, settings.gateway_port, workers=settings.gateway_workers)
    except Invalid as problem:
        sys.exit(_explain(problem))
    if settings.gateway_workers == 1:
        sys.exit(_serve(settings, listeners, 0, None))
    gc.freeze()  # what the workers share is not touched by collecting, so it is not copied
    sys.exit(Supervisor(partial(_serve, settings, listeners), settings.gateway_workers).run())


def _serve(settings: Settings, listeners: Listeners, number: int, parent_has_gone: int | None) -> int:
    """One gateway, from start to end; gives the exit code.

    number: of this one among the workers. parent_has_gone: a file descriptor that can be read then.
    """
    try:
        engine = db.create(settings.database_url, idle_ms=IDLE_MS)
        gateway = Gateway(settings, engine)
        metrics_port = settings.gateway_metrics_port + number
        stop_metrics = gateway.parts.metrics.serve(settings.metrics_host, metrics_port)
    except Invalid as problem:
        return _explain(problem)
    limits = Limits(connections=serving.make_room_for(settings.gateway_connections))
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()  # what was loaded by now stays for good; the collector need not look at it again
    gc.set_threshold(20_000, 20, 50)  # calls leave no cycles behind; large bodies should not be walked again and again
    told = {"url": settings.gateway_url, "port": settings.gateway_port, "worker": number, "metrics_port": metrics_port}
    log.info("gateway.started", extra=told)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_told(Server(gateway, listeners[number], limits=limits), parent_has_gone))
    finally:
        stop_metrics()
        engine.dispose()
        log.info("gateway.stopped")
    return 0


async def _until_told(server: Server, parent_has_gone: int | None) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, server.stop_soon)
    if parent_has_gone is None:
        loop.add_signal_handler(signal.SIGINT, server.stop_soon)
    else:
        loop.add_reader(parent_has_gone, partial(_follow, loop, parent_has_gone, server))
    await server.run()


def _follow(loop: asyncio.AbstractEventLoop, parent_has_gone: int, server: Server) -> None:
    loop.remove_reader(parent_has_gone)
    server.stop_soon()


def _explain(problem: Invalid) -> int:
    sys.stderr.write(f"{problem.message}\n")
    return CANNOT_START


if __name__ == "__main__":
    main()
