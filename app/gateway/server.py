"""uvicorn, with what it leaves open closed: heads without end, callers who read nothing, streams at shutdown."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.core.errors import Invalid
from app.gateway import errors
from app.gateway.app import Gateway
from app.gateway.caller import Caller
from app.gateway.incoming import Incoming
from app.gateway.reply import HeaderList, Reply

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

DRAIN_S = 30
KEEP_ALIVE_S = 75
"""Longer than the 60 s for which load balancers keep their side open, so that they are the ones who close."""
HEAD_BYTES = 64 * 1024
HEAD_S = 15.0
STALL_S = 60.0
BACKLOG = 2048

_NOT_HTTP = errors.body(
    None,
    errors.INVALID_REQUEST,
    "This is not an HTTP/1.1 request that can be read in one way only.",
    reason="malformed",
    request_id="",
)


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol with limits: on the size and time of a request's head, and on a reader who does not read."""

    _head_timer: asyncio.TimerHandle | None = None
    _stall_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _is_in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_S, transport.abort)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self.send_400_response("too large")
            elif self._head_timer is None:
                self._head_timer = self.loop.call_later(HEAD_S, self.transport.abort)

    def on_message_begin(self) -> None:
        self._is_in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        super().on_headers_complete()

    def pause_writing(self) -> None:
        self._stall_timer = self.loop.call_later(STALL_S, self.transport.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        self._end_stall()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_stall()
        if self._head_timer is not None:
            self._head_timer.cancel()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        head = b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n"
        self.transport.write(head + b"content-length: %d\r\n\r\n" % len(_NOT_HTTP) + _NOT_HTTP)
        self.transport.close()

    def _end_stall(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None


class Bridge:
    """The gateway as an ASGI application; goes when the server does."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await _Request(receive, send).run(self._gateway, scope)
            return
        await receive()
        await self._gateway.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._gateway.stop()
        await send({"type": "lifespan.shutdown.complete"})


class _Request:
    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._out: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._wanted = asyncio.Event()
        self._has_started = False

    async def run(self, gateway: Gateway, scope: dict[str, Any]) -> None:
        peer = scope["client"][0] if scope["client"] else ""
        incoming = Incoming(scope["method"], scope["path"], scope["query_string"], scope["headers"], peer)
        caller = Caller(asyncio.get_running_loop(), self)
        reading = asyncio.create_task(self._read(caller, asks=incoming.asks_before_sending))
        writing = asyncio.create_task(self._write())
        try:
            await gateway.answer(incoming, caller, Reply(self, incoming.request_id))
            self._out.put_nowait(None)
            await writing
        finally:
            reading.cancel()
            writing.cancel()

    async def _read(self, caller: Caller, *, asks: bool) -> None:
        if asks:
            await self._wanted.wait()
        while (message := await self._receive())["type"] == "http.request":
            if message.get("body"):
                caller.feed(message["body"])
            if not message.get("more_body"):
                caller.end()
        caller.leave()

    async def _write(self) -> None:
        while (message := await self._out.get()) is not None:
            await self._send(message)

    def hold(self) -> None:
        pass

    def go_on(self) -> None:
        if not self._has_started:
            self._wanted.set()

    def start(self, status: int, headers: HeaderList) -> None:
        self._has_started = True
        self._out.put_nowait({"type": "http.response.start", "status": status, "headers": headers})

    def send(self, data: bytes) -> None:
        self._out.put_nowait({"type": "http.response.body", "body": data, "more_body": True})

    def finish(self, data: bytes) -> None:
        self._out.put_nowait({"type": "http.response.body", "body": data, "more_body": False})

    def whole(self, status: int, headers: HeaderList, body: bytes) -> None:
        self.start(status, headers)
        self.finish(body)

    def room(self) -> asyncio.Future[None] | None:
        if self._out.qsize() < 4:
            return None
        return asyncio.ensure_future(self._until_room())

    async def _until_room(self) -> None:
        while self._out.qsize() >= 4:
            await asyncio.sleep(0.01)


class Server(uvicorn.Server):
    """Tells the gateway when it is time to drain."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(
            uvicorn.Config(
                Bridge(gateway),
                loop="uvloop",
                http=Protocol,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=DRAIN_S,
                backlog=BACKLOG,
            )
        )
        self._gateway = gateway

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._gateway.drain()
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises Invalid, with what to do, when the port cannot be had."""
    try:
        return socket.create_server((host, port), family=_family_of(host), backlog=BACKLOG)
    except OSError as problem:
        raise Invalid(
            f"The gateway cannot listen on {host}:{port}: {problem.strerror}. Set POSTERN_GATEWAY_PORT to a free one."
        ) from None


def _family_of(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def quieten() -> None:
    """uvicorn says what we say ourselves, and calls an answer that we cut off on purpose an error."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("uvicorn.error").addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    return record.msg != "ASGI callable returned without completing response."
