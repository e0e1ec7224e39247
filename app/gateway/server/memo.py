"""A request head that was read before: the very same bytes say the very same thing, and need not be read again.

Clients that keep a connection send the same head with each call, save the length of the body, as long as nothing in it
counts or traces. Only bytes that were one whole, ordinary request by themselves are remembered, and only by the
connection that they came on.
"""

import re

from app.gateway.incoming import Incoming, Memory

_END = b"\r\n\r\n"
_LENGTH = b"content-length"
_LENGTH_LINE = re.compile(rb"(?i)\r\ncontent-length:[ \t]*([0-9]+)\r\n")
_MOST_DIGITS = 8
_UNUSUAL = frozenset((b"transfer-encoding", b"upgrade", b"expect"))


class Head:
    """Its bytes are known up to the body's length and after it; a head without one is known as a whole."""

    __slots__ = ("_data", "_digits", "_incoming", "_memory", "_rest", "_start")

    def __init__(self, data: bytes, incoming: Incoming) -> None:
        self._data = data
        self._incoming = incoming
        self._memory = Memory()
        found = _LENGTH_LINE.search(data)
        self._digits = found[1] if found is not None else b""
        self._start, self._rest = (data[: found.start(1)], data[found.end(1) :]) if found is not None else (data, b"")

    def body_in(self, data: bytes) -> bytes | None:
        """The body, if `data` is one whole request with this head, with whatever length of the body."""
        if data.startswith(self._data):
            body = data[len(self._data) :]
            return body if len(body) == int(self._digits or b"0") else None
        at = len(self._start)
        if not self._digits or not data.startswith(self._start):
            return None
        end = data.find(b"\r", at, at + _MOST_DIGITS + 1)
        if end < 0 or not data.startswith(self._rest, end) or not data[at:end].isdigit():
            return None
        body = data[end + len(self._rest) :]
        return body if len(body) == int(data[at:end]) else None

    def again(self, length: int) -> Incoming:
        """Another request with this head. length: of its body."""
        known, said = self._incoming, b"%d" % length
        lines, fields = known.lines, known.fields
        if said != self._digits and self._digits:
            lines = [(name, said if name == _LENGTH else value) for name, value in lines]
            fields = {**fields, _LENGTH: said}
        return Incoming(known.method, known.path, known.query, lines, known.peer, fields=fields, memory=self._memory)


def of(data: bytes, incoming: Incoming, length: int) -> Head | None:
    """What is worth remembering of `incoming`, which was read from `data` with a body of `length` bytes."""
    size = data.find(_END) + len(_END)
    if size + length != len(data) or not _UNUSUAL.isdisjoint(incoming.fields):
        return None
    return Head(data[:size], incoming)
