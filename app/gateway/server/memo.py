"""A request head that was read before: the very same bytes say the very same thing, and need not be read again.

Clients that keep a connection send the same head with each call, as long as nothing in it counts or traces. Only bytes
that were one whole, ordinary request by themselves are remembered, and only by the connection that they came on.
"""

from app.gateway.incoming import Incoming

_END = b"\r\n\r\n"
_UNUSUAL = frozenset((b"transfer-encoding", b"upgrade", b"expect"))


class Head:
    """data: its bytes. size: of it and its body."""

    __slots__ = ("_fields", "_incoming", "data", "size")

    def __init__(self, data: bytes, size: int, incoming: Incoming) -> None:
        self.data = data
        self.size = size
        self._incoming = incoming
        self._fields = incoming.fields.copy()  # what is done with a request's headers is not to be remembered

    def again(self) -> Incoming:
        """Another request with this head."""
        known = self._incoming
        return Incoming(known.method, known.path, known.query, known.lines, known.peer, fields=self._fields.copy())


def of(data: bytes, incoming: Incoming, length: int) -> Head | None:
    """What is worth remembering of `incoming`, which was read from `data` with a body of `length` bytes."""
    size = data.find(_END) + len(_END)
    if size + length != len(data) or not _UNUSUAL.isdisjoint(incoming.fields):
        return None
    return Head(data[:size], len(data), incoming)
