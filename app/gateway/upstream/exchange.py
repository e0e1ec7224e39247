"""One request to an integration and its answer, whichever connection carries it.

The parser and the queue of what arrived belong to the exchange and not to the connection: a connection may already
serve the next exchange while the end of this one is still being read.
"""

import httptools

from app.gateway.upstream import memo
from app.gateway.upstream.answer import Answer
from app.gateway.upstream.memo import Head, timeout_of
from app.gateway.upstream.parties import Carrier
from app.gateway.upstream.problems import BadAnswer, BrokeOff, TimedOut, UpstreamProblem

MAX_FRAMING_BYTES = 64 * 1024
"""Bytes in a row that bring no body: heads, 1xx answers, chunk extensions and trailers are all bounded by it."""
PAUSE_ABOVE_BYTES = 256 * 1024


class Exchange(Answer):
    """What the connection below feeds; httptools calls the on_… methods.

    A class of its own above its Answer, not an object beside it: that would be a call more for each request.
    """

    _parser: httptools.HttpResponseParser | None = None
    _framing = 0
    _flaw = ""
    _heard_at = 0.0
    _is_informational = _is_surplus = _reads_until_close = _keeps_alive = False

    # For either side

    def close(self) -> None:
        """Want no more of it: an answer that is still under way is aborted, connection and all."""
        if not self._is_complete:
            self.fail(BrokeOff("closed on our side"))

    def fail(self, problem: UpstreamProblem) -> None:
        """End it with `problem`, for whoever waits now or asks later. Without effect once complete or failed."""
        if self._is_complete or self._problem is not None:
            return
        self._problem = problem
        carrier = self._carrier
        self._carrier = self._parser = None
        if carrier is not None:
            carrier.abort()
        self._wake()
        self._tell()

    # For the connection

    def carried_by(self, carrier: Carrier) -> None:
        """The request is being written on `carrier`; the clocks start. Raises UpstreamProblem if it failed before."""
        if self._problem is not None:
            raise self._problem
        self._carrier = carrier
        self._heard_at = now = self._loop.time()
        carrier.look_at(min(now + self._limits.answer_s, self._ends_at))

    def restart(self) -> None:
        """Forget a connection that ended without a byte of answer, to be carried by another."""
        self._problem = None
        self._parser = None

    def feed(self, data: bytes) -> None:
        """Bytes from the integration."""
        if self._carrier is None:
            return
        parser = self._parser
        if parser is None:
            parser = self._parser = httptools.HttpResponseParser(self)
        self._heard_at = self._loop.time()
        self._framing += len(data)
        try:
            parser.feed_data(data)
        except httptools.HttpParserError as problem:
            if not self._is_complete:
                self.fail(BadAnswer(f"not HTTP: {problem}"))
                return
            self._is_surplus = True
        except httptools.HttpParserUpgrade:
            self.fail(BadAnswer("switched protocols unasked"))
            return
        if self._flaw:
            self._is_complete = False
            self.fail(BadAnswer(self._flaw))
        elif self._is_complete:
            self._finish(is_reusable=self._keeps_alive and not self._is_surplus)
        elif self._framing > MAX_FRAMING_BYTES:
            self.fail(BadAnswer("heads or trailers without end"))
        elif self._has_head:
            self._tell()

    def recall(self, known: Head, data: bytes) -> None:
        """The same for `data` that is a whole answer whose head is known."""
        self.known = known
        self.status = known.status
        self.headers = known.headers
        self.fields = known.fields
        self.keep_alive_s = known.keep_alive_s
        self._has_head = self._is_complete = True
        if known.size > len(known.data):
            self._chunks.append(data[len(known.data) :])
        self._finish(is_reusable=True)

    def head_in(self, data: bytes) -> Head | None:
        """What is worth remembering of an answer that was read from `data` and has ended well."""
        return memo.of(data, self.status, self.headers, self.fields, self.keep_alive_s)

    def connection_ended(self, problem: UpstreamProblem) -> None:
        """The connection is gone. An answer without a stated length ends well by this."""
        if self._reads_until_close and self._has_head:
            self._is_complete = True
            self._finish(is_reusable=False)
        else:
            self._carrier = None
            self.fail(problem)

    @property
    def heard_nothing(self) -> bool:
        """Whether not one byte of an answer has arrived."""
        return self._framing == 0 and not self._has_head

    def _finish(self, *, is_reusable: bool) -> None:
        carrier = self._carrier
        self._carrier = self._parser = None
        if carrier is not None:
            if self._is_paused:
                carrier.resume_reading()
            carrier.finished(is_reusable=is_reusable)
        self._wake()
        self._tell()

    def check(self) -> None:
        """Fail if one of its limits has passed; else ask to be looked at when the nearest could have."""
        if self._carrier is None:
            return
        limit_s = self._limits.idle_s if self._has_head else self._limits.answer_s
        due = min(self._heard_at + limit_s, self._ends_at)
        if self._loop.time() < due:
            self._carrier.look_at(due)
        elif due == self._ends_at:
            self.fail(TimedOut(f"not finished after {self._limits.total_s:g} s"))
        else:
            self.fail(TimedOut(f"silent for {limit_s:g} s"))

    # For the parser

    def on_message_begin(self) -> None:
        if self._is_complete:
            self._is_surplus = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._has_head:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self._is_complete or self._parser is None:
            return
        status = self._parser.get_status_code()
        if 100 <= status < 200:
            self._is_informational = True
            self.headers.clear()
            return
        self.status = status
        self._has_head = True
        self._keeps_alive = self._parser.should_keep_alive()
        self._heard_at = self._loop.time()
        if self._limits.idle_s < self._limits.answer_s and self._carrier is not None:
            self._carrier.look_at(self._heard_at + self._limits.idle_s)
        self._read_framing()
        if self._waiter is not None:
            self._wake()

    def _read_framing(self) -> None:
        fields = self.fields = dict(self.headers)
        if b"transfer-encoding" in fields:
            codings = [value.strip().lower() for name, value in self.headers if name == b"transfer-encoding"]
            if codings != [b"chunked"]:
                self._flaw = "a transfer coding that we did not ask for"
        elif b"content-length" not in fields and self.status not in (204, 304):
            self._reads_until_close = True
        if b"keep-alive" in fields:
            self.keep_alive_s = timeout_of(fields[b"keep-alive"])

    def on_body(self, body: bytes) -> None:
        if self._is_complete:
            return
        self._framing = 0
        self._chunks.append(body)
        self._buffered += len(body)
        if self._buffered > PAUSE_ABOVE_BYTES and not self._is_paused and self._carrier is not None:
            self._is_paused = True
            self._carrier.pause_reading()
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None  # once is enough: many parts may come at once
            if not waiter.done():
                waiter.set_result(None)

    def on_message_complete(self) -> None:
        if self._is_informational:
            self._is_informational = False
        elif not self._is_complete:
            self._is_complete = True
