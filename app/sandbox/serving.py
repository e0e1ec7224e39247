"""Serving an MCP server of the sandbox over streamable HTTP at /mcp, both eras on one address."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress

import uvicorn
from mcp.server import Server
from mcp.server.streamable_http_manager import RequestBodyLimitMiddleware, StreamableHTTPSessionManager
from mcp.server.transport_security import DEFAULT_MAX_REQUEST_BODY_SIZE, TransportSecuritySettings
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from app.core import config, logs

Beside = Callable[[], AbstractAsyncContextManager[None]]

HOST = "127.0.0.1"
DRAIN_S = 2  # how long a stop waits for streams still open
SESSION_IDLE_S = 600
SESSIONS_KNOWN = 10_000
ONLY_LOCAL = TransportSecuritySettings(  # refuses pages of other sites that reach us through a name of theirs
    enable_dns_rebinding_protection=True,
    allowed_hosts=["127.0.0.1:*", "localhost:*"],
    allowed_origins=["http://127.0.0.1:*", "http://localhost:*"],
)


def app(server: Server, is_well: Callable[[], bool], beside: Beside = nullcontext) -> Starlette:
    """The ASGI application for `server`: /mcp, and /healthz, which is 503 unless is_well(). It lives inside beside().

    A client of the handshake era that initializes gets a session, so that it can cancel. Whoever comes without one, or
    with one from before a restart, is served too, each request by itself.
    """
    sessions = StreamableHTTPSessionManager(
        app=server, security_settings=ONLY_LOCAL, session_idle_timeout=SESSION_IDLE_S, max_sessions=None
    )
    single = StreamableHTTPSessionManager(app=server, security_settings=ONLY_LOCAL, stateless=True)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with beside(), sessions.run(), single.run():
            yield

    endpoint = RequestBodyLimitMiddleware(_Endpoint(sessions, single), DEFAULT_MAX_REQUEST_BODY_SIZE)
    return Starlette(routes=[Route("/mcp", endpoint), Route("/healthz", _health(is_well))], lifespan=lifespan)


def serve(application: Starlette, port: int) -> None:
    """Serve `application` at http://127.0.0.1:<port> until a signal says stop."""
    with suppress(KeyboardInterrupt):
        uvicorn.run(
            application,
            host=HOST,
            port=port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=DRAIN_S,
            ws="none",
        )


def set_up_logs() -> None:
    """Warnings and errors only, in Postern's form."""
    logs.set_up(level="WARNING", as_json=config.load().logs_json)


class _Endpoint:
    """Sends each request to the manager that can answer it."""

    def __init__(self, sessions: StreamableHTTPSessionManager, single: StreamableHTTPSessionManager) -> None:
        self._sessions = sessions
        self._single = single
        self._known: dict[str, None] = {}  # session ids given out, oldest first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if Headers(scope=scope).get("mcp-session-id") in self._known:
            await self._sessions.handle_request(scope, receive, send)
            return
        body = await Request(scope, receive).body()
        manager = self._sessions if _initializes(body) else self._single
        await manager.handle_request(scope, _replayed(body, receive), self._noting_session(send))

    def _noting_session(self, send: Send) -> Send:
        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                session = Headers(raw=message["headers"]).get("mcp-session-id")
                if session is not None:
                    self._known[session] = None
                    if len(self._known) > SESSIONS_KNOWN:
                        del self._known[next(iter(self._known))]
            await send(message)

        return noting


def _initializes(body: bytes) -> bool:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return False  # whatever it is, the SDK has the answer to it
    return isinstance(message, dict) and message.get("method") == "initialize"


def _replayed(body: bytes, receive: Receive) -> Receive:
    """`receive` as if nobody had read the body yet."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


def _health(is_well: Callable[[], bool]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(_: Request) -> Response:
        well = is_well()
        return JSONResponse({"status": "ok" if well else "down"}, status_code=200 if well else 503)

    return answer
