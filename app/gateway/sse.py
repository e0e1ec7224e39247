"""Server-sent events, cut from a stream at their blank lines (https://html.spec.whatwg.org/multipage/server-sent-events.html).

Lines may end in CRLF, LF or CR, and a chunk may end anywhere.
"""

import re

LARGE_EVENT_BYTES = 1024 * 1024
TAIL_BYTES = 4 * 1024

_END = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_LINE_END = re.compile(rb"\r\n|\n|\r")


class Splitter:
    """Feed it chunks, get whole events; what is not whole yet waits.

    An event larger than LARGE_EVENT_BYTES is given out in parts: `overflow` takes what may go ahead, all but its last
    TAIL_BYTES or so, and the next event that `feed` gives is only the remainder of it.
    """

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._scanned = 0
        self._is_overflowing = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    @property
    def waiting_bytes(self) -> int:
        """How much of an event that is not whole yet waits."""
        return len(self._waiting)

    def feed(self, data: bytes) -> bytes:
        """The events that `data` completes, in one piece, each with the blank line that ends it; b"" for none."""
        waiting = self._waiting
        if not waiting and data.endswith(b"\n\n"):  # the usual chunk: nothing is left of it
            return data
        waiting += data
        end = end_before(waiting, len(waiting), max(0, self._scanned - 3))
        whole = bytes(waiting[:end])
        if end:
            del waiting[:end]
            self._is_overflowing = False
        self._scanned = len(waiting)
        return whole

    def overflow(self) -> bytes:
        """What of an unfinished, very large event may be sent ahead; b"" while it is not large."""
        if len(self._waiting) <= (2 * TAIL_BYTES if self._is_overflowing else LARGE_EVENT_BYTES):
            return b""
        self._is_overflowing = True
        ahead = bytes(self._waiting[:-TAIL_BYTES])
        del self._waiting[:-TAIL_BYTES]
        self._scanned = len(self._waiting)
        return ahead

    def remainder(self) -> bytes:
        """What was never completed, once the stream has ended."""
        return bytes(self._waiting)


def split(events: bytes) -> list[bytes]:
    """One by one; what follows the last blank line is the last of them."""
    found = []
    start = 0
    for end in _END.finditer(events):
        found.append(events[start : end.end()])
        start = end.end()
    if start < len(events):
        found.append(events[start:])
    return found


def end_before(events: bytes | bytearray, limit: int, start: int = 0) -> int:
    """Where the last event ends that does so between start and limit; 0 when none does."""
    at = events.rfind(b"\n\n", start, limit)
    if b"\r" in events:
        at = max(at, events.rfind(b"\n\r", start, limit), events.rfind(b"\r\r", start, limit))
    if at < 0:
        return 0
    at += 2
    return at + 1 if at < limit and events[at - 1 : at + 1] == b"\r\n" else at


def data_of(event: bytes) -> bytes:
    """The payload: its data lines, joined by new lines."""
    lines = [_value(line) for line in _lines(event) if line.startswith(b"data")]
    return b"\n".join(line for line in lines if line is not None)


def place_of(event: bytes, start: int, end: int) -> int | None:
    """Where in `event` the bytes start up to end of its data stand; None when they are not all in one of its lines."""
    began = before = 0
    while began <= len(event):
        found = _LINE_END.search(event, began)
        line = event[began : found.start() if found else len(event)]
        value = _value(line)
        if value is not None:
            if before <= start and end <= before + len(value):
                return began + len(line) - len(value) + start - before
            before += len(value) + 1
        if found is None:
            break
        began = found.end()
    return None


def has_id(event: bytes) -> bool:
    """Whether it names a place from which the stream could be resumed."""
    return b"id:" in event and any(line.startswith(b"id:") and line[3:].strip() for line in _lines(event))


def message(body: bytes) -> bytes:
    """An event that carries one JSON-RPC message (without line breaks)."""
    return b"event: message\r\ndata: " + body + b"\r\n\r\n"


def _lines(event: bytes) -> list[bytes]:
    return _LINE_END.split(event) if b"\r" in event else event.split(b"\n")


def _value(line: bytes) -> bytes | None:
    name, _, value = line.partition(b":")
    if name != b"data":
        return None
    return value[1:] if value.startswith(b" ") else value
