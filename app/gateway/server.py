"""uvicorn, with what it leaves open closed: heads without end, callers who read nothing, streams at shutdown."""

import asyncio
import logging
import socket

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.core.errors import Invalid
from app.gateway import errors
from app.gateway.app import Gateway

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


class Server(uvicorn.Server):
    """Tells the gateway when it is time to drain."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(
            uvicorn.Config(
                gateway,
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
