"""Which headers pass the gateway, in both directions.

Everything else stays where it came from: the caller's credential, cookies, Host and hop-by-hop headers on the way in;
server names, cookies and challenges on the way out.
"""

from app.gateway.incoming import Headers
from app.gateway.reply import HeaderList
from app.gateway.upstream.address import Address
from app.gateway.upstream.exchange import Exchange

_IN = frozenset(
    (
        b"accept",
        b"content-type",
        b"last-event-id",
        b"traceparent",
        b"tracestate",
        b"user-agent",
    )
)
_OUT = frozenset((b"allow", b"cache-control", b"content-type", b"retry-after"))
_MCP = b"mcp-"


def request_head(
    method: str, address: Address, headers: Headers, *, request_id: str, length: int | None, credential: bytes = b""
) -> bytes:
    """Request line and headers for the integration.

    Mcp-… headers pass whatever their names: an intermediary that does not know one must forward it (SEP-2243).
    length: of the body; None when there is none. credential: the gateway's own for this integration, a whole line.
    """
    before, after = around_request_id(method, address, headers, credential=credential)
    end = b"\r\n\r\n" if length is None else b"\r\ncontent-length: %d\r\n\r\n" % length
    return b"%b%b%b%b" % (before, request_id.encode(), after, end)


def around_request_id(method: str, address: Address, headers: Headers, *, credential: bytes) -> tuple[bytes, bytes]:
    """What stands before the request's id in such a head, and after it, up to the end of a line."""
    lines = [b": ".join(pair) for pair in headers.items() if pair[0] in _IN or pair[0][:4] == _MCP]
    if credential:
        lines.append(credential)
    return method.encode() + address.head + b"accept-encoding: identity\r\nx-request-id: ", b"\r\n".join((b"", *lines))


def answer_headers(exchange: Exchange, *, receipt: str, is_stream: bool, length: int | None) -> HeaderList:
    """Headers for the caller. length: of the body, when it is known."""
    known = exchange.known
    if known is not None and known.passed is not None and known.headers is exchange.headers:
        passed = known.passed.copy()
    else:
        passed = _passed(exchange)
    if receipt:
        passed.append((b"postern-receipt", receipt.encode()))
    if is_stream:
        passed.append((b"x-accel-buffering", b"no"))
    elif length is not None:
        passed.append((b"content-length", b"%d" % length))
    return passed


def _passed(exchange: Exchange) -> HeaderList:
    """What of its head is passed on; worked out once for a head that comes again."""
    passed = [pair for pair in exchange.headers if pair[0] in _OUT or pair[0][:4] == _MCP]
    if b"cache-control" not in exchange.fields:
        passed.append((b"cache-control", b"no-store"))
    if exchange.known is not None and exchange.headers is exchange.known.headers:
        exchange.known.passed = passed.copy()
    return passed
