"""A request's head as the parser gives it, made into a turn, or refused where two readers could read it differently."""

import re
from urllib.parse import unquote

import httptools

from app.gateway.incoming import HeaderLines, Incoming
from app.gateway.server.turn import Turn, Wire

_AMBIGUOUS = re.compile(rb"(?i)%(?:2[ef]|5c|[01][0-9a-f]|7f)")
"""What a proxy in front may have undone, or not, before it decided where the request may go."""


class Unreadable(Exception):
    """Not one clear HTTP/1.x request. The text says why, to whoever wrote the client."""


def read(wire: Wire, parser: httptools.HttpRequestParser, url: bytes, lines: HeaderLines) -> Turn:
    """The turn of a request whose head is complete. Raises Unreadable."""
    version = parser.get_http_version()
    is_old = version == "1.0"
    if version != "1.1" and not is_old:
        raise Unreadable(f"HTTP/{version} is not spoken here")
    if len(lines) > wire.service.limits.header_lines:
        raise Unreadable(f"it has more than {wire.service.limits.header_lines} header lines")
    path, query = _target(url)
    incoming = Incoming(parser.get_method().decode(), path, query, lines, wire.peer)
    fields = incoming.fields
    if b"host" not in fields and not is_old:
        raise Unreadable("the header Host is missing")
    if b"transfer-encoding" in fields and (is_old or fields[b"transfer-encoding"].lower() != b"chunked"):
        raise Unreadable("the only transfer coding here is “chunked”")
    asks = b"expect" in fields and not is_old and fields[b"expect"].lower() == b"100-continue"
    return Turn(wire, incoming, keeps_alive=parser.should_keep_alive(), is_old=is_old, asks=asks)


def resumption(turn: Turn) -> bytes:
    """A head that puts a parser where the body of `turn` begins; b"" if it has none."""
    fields = turn.incoming.fields
    if b"transfer-encoding" in fields:
        return b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"
    length = fields.get(b"content-length", b"0")
    return b"" if int(length) == 0 else b"POST / HTTP/1.1\r\ncontent-length: " + length + b"\r\n\r\n"


def _target(url: bytes) -> tuple[str, bytes]:
    """Path, percent-encoding undone, and query of a request target (RFC 9112, section 3.2)."""
    if url[:1] != b"/":
        url = _without_origin(url)
    target, _, query = url.partition(b"?")
    if b"#" in url:
        raise Unreadable("an address is sent without its fragment")
    if b"%" not in target:
        return target.decode("ascii"), query
    if _AMBIGUOUS.search(target):
        raise Unreadable("its path holds an encoded slash, backslash, dot or control character")
    return unquote(target.decode("ascii")), query


def _without_origin(url: bytes) -> bytes:
    """What follows the host in an address that was sent whole, as to a proxy."""
    if url == b"*":
        return url
    try:
        parts = httptools.parse_url(url)
    except httptools.HttpParserInvalidURLError:
        parts = None
    if parts is None or parts.schema not in (b"http", b"https"):
        raise Unreadable("its target is no address")
    return (parts.path or b"/") + (b"?" + parts.query if parts.query else b"")
