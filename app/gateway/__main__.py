"""The gateway process: `python -m app.gateway`."""

import gc
import logging
import sys

from app.core import config, db, logs
from app.core.errors import Invalid
from app.gateway import server
from app.gateway.app import Gateway

log = logging.getLogger("app.gateway")

SWITCH_S = 0.0005
"""How long the event loop may keep Python's lock from the thread that writes the ledger: Python's own 5 ms, met at each
statement, would be most of what a call waits under load.
"""


def main() -> None:
    """Serve until told to stop. Exits with 2 and one clear line when it cannot start."""
    try:
        settings = config.load()
        logs.set_up(level=settings.log_level, as_json=settings.logs_json)
        server.quieten()
        engine = db.create(settings.database_url)
        gateway = Gateway(settings, engine)
        listener = server.listen(settings.bind_host, settings.gateway_port)
        stop_metrics = gateway.parts.metrics.serve(settings.metrics_host, settings.gateway_metrics_port)
    except Invalid as problem:
        sys.stderr.write(f"{problem.message}\n")
        sys.exit(2)
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()  # what was loaded by now stays for good; the collector need not look at it again
    gc.set_threshold(20_000, 20, 50)  # calls leave no cycles behind; large bodies should not be walked again and again
    log.info("gateway.started", extra={"url": settings.gateway_url, "port": settings.gateway_port})
    try:
        server.Server(gateway).run(sockets=[listener])
    finally:
        stop_metrics()
        engine.dispose()
        log.info("gateway.stopped")


if __name__ == "__main__":
    main()
