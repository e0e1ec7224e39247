"""One request on a connection and its answer: what Caller and Reply reach of the wire."""

import asyncio
from typing import Protocol

from app.gateway.caller import Caller
from app.gateway.incoming import Incoming
from app.gateway.reply import HeaderList, Reply
from app.gateway.server import heads
from app.gateway.server.service import Service

CLOSE = (b"connection", b"close")
BODILESS = (204, 304)


class Wire(Protocol):
    """What a turn asks of its connection."""

    service: Service
    peer: str

    def write(self, *pieces: bytes) -> None: ...
    def hold(self) -> None: ...
    def go_on(self) -> None: ...
    def room(self) -> asyncio.Future[None] | None: ...
    def turn_ended(self, turn: "Turn") -> None: ...


class Turn:
    """keeps_alive: whether the connection may serve another request after this one. is_old: HTTP/1.0."""

    __slots__ = (
        "_asks",
        "_held",
        "_is_chunked",
        "_is_finished",
        "_is_head",
        "_is_started",
        "_wire",
        "caller",
        "incoming",
        "is_old",
        "keeps_alive",
        "work",
    )

    def __init__(self, wire: Wire, incoming: Incoming, *, keeps_alive: bool, is_old: bool, asks: bool) -> None:
        """asks: whether the client waits with its body until it is told to go on."""
        self._wire = wire
        self.incoming = incoming
        self._is_head = incoming.method == "HEAD"
        self.is_old = is_old
        self._asks = asks
        self._held = b""
        self._is_started = self._is_finished = self._is_chunked = False
        self.keeps_alive = keeps_alive
        self.caller = Caller(wire.service.loop, self)

    def begin(self) -> None:
        """Have it answered."""
        service = self._wire.service
        service.turns.add(self)
        self.work = service.begin(self.incoming, self.caller, Reply(self, self.incoming.request_id), self._over)

    def _over(self) -> None:
        """Its parts know each other in circles, which are broken here, so that they go without being collected."""
        self._wire.service.turns.discard(self)
        self._wire.turn_ended(self)
        self.caller.forget()
        del self.work

    @property
    def is_cut_off(self) -> bool:
        """Whether the answer is not, and will never be, all there."""
        return not self._is_finished

    @property
    def is_ordinary(self) -> bool:
        """Whether all of it has come, and the next request may be just like it."""
        return self.caller.is_whole and self.keeps_alive and not self.is_old and not self._asks

    # Source, for the caller

    def hold(self) -> None:
        self._wire.hold()

    def go_on(self) -> None:
        if self._asks and not self._is_started and not self.caller.size:
            self._wire.write(heads.GO_ON)
        self._asks = False
        self._wire.go_on()

    # Outlet, for the reply

    def start(self, status: int, headers: HeaderList, *, is_followed: bool = False) -> None:
        self._is_started = True
        if self._has_body(status) and not any(name == b"content-length" for name, _ in headers):
            self._is_chunked = not self.is_old
            self.keeps_alive = self.keeps_alive and self._is_chunked  # else its end is the end of the connection
        head = self._head(status, headers)
        if is_followed and self._is_chunked:
            self._held = head
        else:
            self._wire.write(head)

    def whole(self, status: int, headers: HeaderList, body: bytes) -> None:
        self._is_finished = True
        head = self._head(status, headers)
        if body and not self._is_head and status not in BODILESS:
            self._wire.write(head, body)
        else:
            self._wire.write(head)

    def send(self, data: bytes) -> None:
        if self._is_head or not data:
            return
        if self._is_chunked:
            self._wire.write(b"%b%x\r\n" % (self._released(), len(data)), data, b"\r\n")
        else:
            self._wire.write(data)

    def finish(self, data: bytes) -> None:
        self._is_finished = True
        if not self._is_chunked:
            self.send(data)
        elif data:
            self._wire.write(b"%b%x\r\n" % (self._released(), len(data)), data, b"\r\n0\r\n\r\n")
        else:
            self._wire.write(self._released() + b"0\r\n\r\n")

    def room(self) -> asyncio.Future[None] | None:
        return self._wire.room()

    def _released(self) -> bytes:
        """The head, if it waits for the first part."""
        held, self._held = self._held, b""
        return held

    def _has_body(self, status: int) -> bool:
        return not self._is_head and status not in BODILESS

    def _head(self, status: int, headers: HeaderList) -> bytes:
        service = self._wire.service
        more = service.date
        if self._is_chunked:
            more += heads.CHUNKED
        if not self.keeps_alive or service.is_draining or not self.caller.is_whole:
            self.keeps_alive = False
            if CLOSE not in headers:
                more += heads.CLOSE
        elif self.is_old:
            more += heads.KEEP
        return heads.head(status, headers, more)
