import sys

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from tests.conformance.full_server import answers, asking, at_once, reading, rounds, sessions
from tests.conformance.full_server.server import server

PARTS = (answers, asking, at_once, reading, rounds)  # each adds what it has by being imported, in this order
RETRY_MS = 100
ONLY_LOCAL = TransportSecuritySettings(
    enable_dns_rebinding_protection=True,
    allowed_hosts=["127.0.0.1:*", "localhost:*"],
    allowed_origins=["http://127.0.0.1:*", "http://localhost:*"],
)


@server.custom_route("/healthz", methods=["GET"])
async def healthz(_: Request) -> Response:
    """That it serves."""
    return PlainTextResponse("ok")


application = server.streamable_http_app(
    event_store=sessions.Events(), retry_interval=RETRY_MS, transport_security=ONLY_LOCAL
)
sessions.add_to(server.session_manager.app)
uvicorn.run(
    application,
    host="127.0.0.1",
    port=int(sys.argv[1]),
    http="h11",  # httptools leaves blanks at the end of a header's value, which HTTP says do not count
    log_level="warning",
    access_log=False,
    timeout_graceful_shutdown=1,
    ws="none",
)
