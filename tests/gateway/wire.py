"""The real server over real sockets, in this process."""

import asyncio
import json
from contextlib import asynccontextmanager, suppress

from app.gateway.server import sockets
from app.gateway.server.limits import Limits
from app.gateway.server.serving import Server
from tests.gateway.gateways import CALL, RESULT
from tests.waiting import PATIENCE_S

BODY = json.dumps(CALL).encode()
RESULT_BODY = json.dumps(RESULT).encode()


@asynccontextmanager
async def serving(gateway, limits):
    """A server of `gateway` and its port."""
    [listener] = sockets.listen("127.0.0.1", 0)
    server = Server(gateway, listener, limits=limits or Limits(head_s=PATIENCE_S))
    await server.start()
    try:
        yield server, listener.getsockname()[1]
    finally:
        await server.stop(drain_s=1)


@asynccontextmanager
async def connected(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def request(secret, body=BODY, *, more="", length=None):
    length = len(body) if length is None else length
    head = (
        f"POST /mcp/sampler HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {secret}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n{more}\r\n"
    )
    return head.encode() + body
