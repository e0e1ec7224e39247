"""One caller's connection: bytes in, requests out, one answered after the other.

llhttp, under httptools, reads strictly: it refuses bare line feeds, folded lines, a length beside chunks, two lengths,
odd chunk sizes and what follows “Connection: close”. What it lets pass and we do not is in `request.py`.
"""

import asyncio
from collections import deque
from math import inf
from time import monotonic

import httptools

from app.gateway.server import last_words, memo, request
from app.gateway.server.flow import Flow
from app.gateway.server.request import Unreadable
from app.gateway.server.service import Service
from app.gateway.server.turn import Turn

FRAMING_BYTES = 64 * 1024
"""Bytes in a row inside a body that bring none of it: chunk extensions and trailers are bounded by it."""
LINGER_S = 2.0
TURNED_AWAY_AT_MOST = 64


class Connection(Flow):
    """httptools calls the on_… methods, asyncio the others.

    A connection that is deaf takes in nothing any more, and closes after the answers it owes.
    """

    __slots__ = (
        "_ahead",
        "_head_began_at",
        "_is_deaf",
        "_is_in_head",
        "_known",
        "_last_words",
        "_lines",
        "_parser",
        "_read",
        "_receiving",
        "_resumption",
        "_turn",
        "_unproductive",
        "_url",
    )

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._parser = httptools.HttpRequestParser(self)
        self._turn: Turn | None = None
        self._receiving: Turn | None = None
        self._read: Turn | None = None
        self._known: memo.Head | None = None
        self._ahead: deque[Turn] | None = None
        self._lines: list[tuple[bytes, bytes]] = []
        self._url = b""
        self._unproductive = 0
        self._head_began_at = 0.0
        self._last_words = b""
        self._resumption = b""
        self._is_in_head = self._is_deaf = False

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        service = self.service
        if service.is_draining:
            self.abort()
        elif service.is_full:
            self._turn_away()
        else:
            service.members.add(self)
            self.until = monotonic() + service.limits.head_s

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        known = self._known
        is_between = self._receiving is None and not self._is_in_head
        body = known.body_in(data) if known is not None and is_between else None
        if known is not None and body is not None:
            self._again(known, body)
            return
        self._read = None
        self._unproductive += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._ignore_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as problem:
            self._give_up(str(problem))
        if self._unproductive > FRAMING_BYTES or self._is_in_head:
            self._check_progress()
        elif is_between and self._read is not None and self._read.is_ordinary:
            self._known = memo.of(data, self._read.incoming, self._read.caller.size)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._is_deaf = True
        self._ahead = None
        self.service.members.discard(self)
        self.service.turned_away.discard(self)
        if self._turn is not None:
            self._turn.caller.leave()

    # For the service

    def expire(self) -> None:
        """A limit has passed: of a head, of silence between requests, of a reader who does not read."""
        if self._turn is not None and not self.is_stalled:
            self.until = inf  # what is due after the answer under way is found out when that ends
        elif self.is_stalled or self._is_in_head or self._is_deaf:
            self.abort()
        else:
            self._close()

    def drain(self) -> None:
        """Close, now or after the answer under way."""
        if self._turn is None:
            self._close()
        self._is_deaf = True

    # For the turn and the flow

    def turn_ended(self, turn: Turn) -> None:
        self._turn = None
        if self.is_gone:
            return
        if turn.is_cut_off and turn.is_old:
            self.reset()  # the end of the connection would say that this was all
        elif turn.is_cut_off or not turn.keeps_alive:
            self._close()
        else:
            self.has_room()

    def has_room(self) -> None:
        """The answer is out: on to the next request, or wait for one."""
        if self._turn is not None or self.is_stalled:
            return
        if self._ahead:
            self._begin(self._ahead.popleft())
        elif self._is_deaf:
            self._close()
        elif self._is_in_head:
            self.until = self._head_began_at + self.service.limits.head_s
        else:
            self.until = monotonic() + self.service.limits.keep_alive_s

    # For the parser

    def on_message_begin(self) -> None:
        self._is_in_head = True

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_in_head:  # and not in a trailer, which nobody here needs
            self._lines.append((name.lower(), value.rstrip(b" \t")))  # llhttp leaves blanks at the end

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._head_began_at = 0.0
        size, self._unproductive = self._unproductive, 0
        if self._is_deaf or self._resumption:
            return
        lines, url = self._lines, self._url
        self._lines, self._url = [], b""
        try:
            if size > self.service.limits.head_bytes:
                self._measure(url, lines)
            turn = request.read(self, self._parser, url, lines)
        except Unreadable as problem:
            self._give_up(str(problem))
            return
        self._receiving = self._read = turn
        if self._parser.should_upgrade():
            self._resumption = request.resumption(turn)
        self._accept(turn)

    def on_body(self, body: bytes) -> None:
        self._unproductive = 0
        if self._receiving is not None:
            self._receiving.caller.feed(body)

    def on_message_complete(self) -> None:
        self._unproductive = 0
        if self._receiving is not None and not self._resumption:
            self._receiving.caller.end()
            self._receiving = None

    # What to do next

    def _again(self, known: memo.Head, body: bytes) -> None:
        turn = Turn(self, known.again(len(body)), keeps_alive=True, is_old=False, asks=False)
        turn.caller.feed_whole(body)
        self._accept(turn)

    def _accept(self, turn: Turn) -> None:
        if self._turn is None and not self.is_stalled:
            self._begin(turn)
        else:
            self._put_behind(turn)

    def _begin(self, turn: Turn) -> None:
        self._turn = turn
        self.until = inf
        turn.begin()

    def _put_behind(self, turn: Turn) -> None:
        """Requests sent ahead wait for their turn; those beyond the limit are not looked at."""
        if self._ahead is None:
            self._ahead = deque()
        if len(self._ahead) == self.service.limits.ahead:
            self._ahead[-1].keeps_alive = False
            self._is_deaf = True
            self._receiving = None
        else:
            self._ahead.append(turn)

    def _check_progress(self) -> None:
        """What came did not complete a head, or brought nothing of a body."""
        if self._is_deaf:
            return
        limits = self.service.limits
        if not self._is_in_head:
            self._give_up("its body consists of framing")
        elif self._unproductive > limits.head_bytes:
            self._give_up(_too_large(limits.head_bytes))
        elif not self._head_began_at:
            self._head_began_at = monotonic()
            if self._turn is None and not self.is_stalled:
                self.until = min(self.until, self._head_began_at + limits.head_s)

    def _measure(self, url: bytes, lines: list[tuple[bytes, bytes]]) -> None:
        """What came may have been a body as well. Raises Unreadable."""
        limit = self.service.limits.head_bytes
        if len(url) + sum(len(name) + len(value) for name, value in lines) > limit:
            raise Unreadable(_too_large(limit))

    def _ignore_upgrade(self, rest: bytes) -> None:
        """A server may (RFC 9110, section 7.8). The old parser takes in nothing more, not even the request's body; so
        a new one is put where that begins.
        """
        self._parser = httptools.HttpRequestParser(self)
        if self._resumption:
            self._parser.feed_data(self._resumption)
            self._resumption, self._url = b"", b""
            self._lines.clear()
        if rest:
            self.data_received(rest)

    def _give_up(self, why: str) -> None:
        """Nothing that follows can be trusted to be a request. What is owed is answered, then this, then it closes."""
        if self._is_deaf:
            return
        self._is_deaf = True
        receiving, self._receiving = self._receiving, None
        if receiving is not None:
            receiving.caller.spoil(why)
            return
        newest = self._ahead[-1] if self._ahead else self._turn
        if newest is None or newest.keeps_alive:
            self._last_words = last_words.unreadable(why, self.service.date)
        if newest is None:
            self._close()

    def _close(self) -> None:
        """Close, but not so that a caller who is still sending sees a reset instead of the answer."""
        words, self._last_words = self._last_words, b""
        self._is_deaf = True
        self.end(words, linger_s=LINGER_S)

    def _turn_away(self) -> None:
        service = self.service
        if len(service.turned_away) < TURNED_AWAY_AT_MOST:
            service.turned_away.add(self)
            self._last_words = last_words.full(service.date)
            self._close()
        else:
            self.abort()


def _too_large(limit: int) -> str:
    return f"its head has more than {limit:,} bytes"
