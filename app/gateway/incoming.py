"""One HTTP request's head, taken apart once, and what a careful reader refuses to choose between."""

from datetime import datetime
from time import perf_counter

from app.core import clock, ids
from app.gateway.errors import Refused
from app.metering import attempts

HeaderLines = list[tuple[bytes, bytes]]
Headers = dict[bytes, bytes]

_ONCE = frozenset(
    (
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"host",
        b"idempotency-key",
        b"last-event-id",
        b"origin",
        b"transfer-encoding",
        b"x-api-key",
    )
)
"""Headers that decide something here or behind us: two of them could be read differently by two readers."""


class Memory:
    """What was found out of a head that has come before: by the gateway (standing.py), and for it alone."""

    __slots__ = ("standing",)

    def __init__(self) -> None:
        self.standing: object = None


class Incoming:
    """A request's head.

    path: without the query, percent-encoding undone. lines: (lower-case name, value) in the order sent, repeats kept;
    fields: the same by name, the last of repeats.
    peer: the IP address at the other end of the connection, "" when there is none. request_id: `req_…`.
    memory: shared by all requests with the very same head, None where nobody looks for those.
    at, began: when the head was complete, by the clock and by perf_counter.
    """

    __slots__ = ("at", "began", "fields", "lines", "memory", "method", "path", "peer", "query", "request_id")

    def __init__(
        self,
        method: str,
        path: str,
        query: bytes,
        lines: HeaderLines,
        peer: str,
        *,
        fields: Headers | None = None,
        memory: Memory | None = None,
    ) -> None:
        """fields: when somebody has them already."""
        self.began = perf_counter()
        self.at: datetime = clock.now()
        self.request_id = ids.request_id()
        self.method = method
        self.path = path
        self.query = query
        self.lines = lines
        self.fields = dict(lines) if fields is None else fields
        self.peer = peer
        self.memory = memory

    def headers(self) -> Headers:
        """Lower-case name to value; repeats are joined by a comma as HTTP says, where they may be repeated.

        Raises Refused for a header that must be there at most once.
        """
        return self.fields if len(self.fields) == len(self.lines) else self._joined()

    def _joined(self) -> Headers:
        found: Headers = {}
        for name, value in self.lines:
            if name not in found:
                found[name] = value
            elif name.startswith(b"mcp-"):
                raise Refused(attempts.HEADER_MISMATCH, f"{_shown(name)} is there more than once.")
            elif name in _ONCE:
                raise Refused(attempts.MALFORMED, f"the header {_shown(name)} is there more than once.")
            else:
                found[name] += b", " + value
        return found

    @property
    def asks_before_sending(self) -> bool:
        """Whether the body will only be sent once we ask for it (Expect: 100-continue)."""
        return b"expect" in self.fields

    def caller_address(self, *, proxy_hops: int) -> str:
        """The caller's IP address, as the outermost proxy that we trust saw it; "" when it is not known.

        proxy_hops: how many proxies in front append to X-Forwarded-For; 0 believes nobody.
        """
        if proxy_hops:
            found = [value for name, value in self.lines if name == b"x-forwarded-for"]
            forwarded = b",".join(found).decode("latin-1").split(",")
            if len(forwarded) >= proxy_hops and forwarded[-proxy_hops].strip():
                return forwarded[-proxy_hops].strip()[:45]
        return self.peer


def must_be_json(headers: Headers) -> None:
    """Raises Refused for a body that is said to be anything else, or packed."""
    content_type = headers.get(b"content-type", b"")
    if content_type == b"application/json" and b"content-encoding" not in headers:
        return
    kind, _, parameters = content_type.lower().partition(b";")
    if kind.strip() != b"application/json":
        raise Refused(attempts.MALFORMED, "send it with “Content-Type: application/json”.", status=415)
    if b"charset" in parameters and b"utf-8" not in parameters:
        raise Refused(attempts.MALFORMED, "JSON is UTF-8; leave the charset out.", status=415)
    if headers.get(b"content-encoding", b"identity").strip().lower() != b"identity":
        raise Refused(attempts.MALFORMED, "compressed bodies are not accepted; send it plainly.", status=415)


def _shown(name: bytes) -> str:
    return "-".join(word.capitalize() for word in name.decode("latin-1").split("-"))
