"""`python -m app.sandbox.stripe`: serve the stand-in at http://127.0.0.1:<port> until a signal says stop.

It is told everything by arguments and reads no settings, so that it is soon there and small.
"""

import argparse
import logging
import signal
import sys
from pathlib import Path
from types import FrameType

from app.sandbox.stripe import KEY, WEBHOOK_PATH, WEBHOOK_SECRET, asked, serving
from app.sandbox.stripe.app import create_app
from app.sandbox.stripe.desk import Settings


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m app.sandbox.stripe")
    parser.add_argument("--port", type=int, default=8307)
    parser.add_argument("--database", type=Path, default=Path("var/stripe.db"))
    parser.add_argument("--portal-url", default="http://127.0.0.1:8300", help="is told of events, and linked to")
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    settings = Settings(
        url=f"http://{serving.HOST}:{given.port}",
        key=KEY,
        webhook_url=given.portal_url + WEBHOOK_PATH,
        webhook_secret=WEBHOOK_SECRET,
        portal_url=given.portal_url,
    )
    app = create_app(settings, given.database)
    app.wsgi_app = asked.Asked(app.wsgi_app, given.database.with_name(asked.FILE))  # type: ignore[method-assign]
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    listener = serving.server(app, given.port)
    with serving.ticking(app.extensions["stripe"]):
        listener.serve_forever()


def _stop(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    main()
