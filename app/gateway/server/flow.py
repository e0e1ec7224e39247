"""Both directions of a connection, neither faster than the other side takes it."""

import asyncio
import socket
import struct
from math import inf
from time import monotonic
from typing import cast

from app.gateway.server.service import Service

COPY_BELOW_BYTES = 64 * 1024
"""Joining small pieces costs less than writing them one by one, and copying large ones more."""


class Flow(asyncio.Protocol):
    """until: when `expire` is due, by the monotonic clock. peer: the caller's IP address.

    is_stalled: the caller does not read what it is sent, for now. is_gone: the connection is no more.
    """

    __slots__ = ("_is_held", "_room", "_transport", "_unsent", "is_gone", "is_stalled", "peer", "service", "until")

    def __init__(self, service: Service) -> None:
        self.service = service
        self.until = inf
        self.peer = ""
        self._room: asyncio.Future[None] | None = None
        self._unsent: list[bytes] = []
        self._is_held = self.is_gone = self.is_stalled = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class, not registered as one
        peer = transport.get_extra_info("peername")
        if isinstance(peer, tuple):
            self.peer = str(peer[0])

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_gone = True
        self._make_room()

    # Out

    def pause_writing(self) -> None:
        self.is_stalled = True
        self.until = monotonic() + self.service.limits.stall_s

    def resume_writing(self) -> None:
        self.is_stalled = False
        self.until = inf
        self._make_room()
        self.has_room()

    def has_room(self) -> None:
        """Called when the caller has read on."""

    def room(self) -> asyncio.Future[None] | None:
        """Settled once there is room for more, or nobody to send it to; None while there is."""
        if not self.is_stalled or self.is_gone:
            return None
        if self._room is None:
            self._room = self.service.loop.create_future()
        return self._room

    def write(self, *pieces: bytes) -> None:
        """Send soon; without effect when the caller has gone."""
        if self.is_gone:
            return
        if not self._unsent:
            self.service.outbox.add(self)
        self._unsent += pieces

    def flush(self) -> None:
        """Send what waits for it."""
        pieces, self._unsent = self._unsent, []
        if self.is_gone or not pieces:
            return
        if len(pieces) == 1:
            self._transport.write(pieces[0])
        elif sum(map(len, pieces)) < COPY_BELOW_BYTES:
            self._transport.write(b"".join(pieces))
        else:
            self._transport.writelines(pieces)

    def end(self, words: bytes, *, linger_s: float) -> None:
        """Send the last there is; close when the caller has, or after linger_s, or when it reads nothing for long."""
        if self.is_gone or self._transport.is_closing():
            return
        self.flush()
        if words:
            self._transport.write(words)
        self._transport.write_eof()
        has_more = self._transport.get_write_buffer_size() > 0
        self.until = monotonic() + (self.service.limits.stall_s if has_more else linger_s)
        self.go_on()

    def abort(self) -> None:
        """Close at once, without sending what is still buffered."""
        self._transport.abort()

    def reset(self) -> None:
        """The same, such that the caller sees that it did not end in good order (a TCP reset)."""
        if not self.is_gone:
            self.flush()
            wire = self._transport.get_extra_info("socket")
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()

    # In

    def hold(self) -> None:
        """Read no more for now."""
        if not self._is_held and not self.is_gone:
            self._is_held = True
            self._transport.pause_reading()

    def go_on(self) -> None:
        """Read on."""
        if self._is_held and not self.is_gone:
            self._is_held = False
            self._transport.resume_reading()

    def _make_room(self) -> None:
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)
