"""A first look at an integration's answer: what kind it is, and whether it may be shown to a caller at all."""

from enum import Enum, auto

from app.gateway.upstream.exchange import Exchange
from app.gateway.upstream.problems import BadAnswer, ErrorStatus, LockedOut


class Kind(Enum):
    JSON = auto()
    EVENTS = auto()
    EMPTY = auto()
    """No response was due: the status says all, and a body, if there is one, is nothing that MCP speaks of."""


def kind_of(exchange: Exchange, *, wants_answer: bool) -> Kind:
    """What to do with an answer whose head is there.

    wants_answer: whether a JSON-RPC response is due.
    Raises UpstreamProblem for what must not be passed on as it is.
    """
    status = exchange.status
    if status in (401, 403, 407):
        raise LockedOut(f"HTTP {status}")
    if status >= 500 or 300 <= status < 400:
        raise ErrorStatus(status)
    fields = exchange.fields
    coding = fields.get(b"content-encoding", b"identity").strip().lower()
    kind = fields.get(b"content-type", b"")
    if kind != b"application/json":
        kind = kind.partition(b";")[0].strip().lower()
    if coding != b"identity":
        raise BadAnswer(f"content-encoding {coding!r}, which we never accept")
    if kind == b"application/json" and status != 204:
        return Kind.JSON
    if status >= 400:
        raise ErrorStatus(status)
    if kind == b"text/event-stream" and status == 200:
        return Kind.EVENTS
    if wants_answer:
        raise BadAnswer(f"HTTP {status} with {kind!r} where a response was due")
    return Kind.EMPTY
