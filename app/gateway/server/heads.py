"""The bytes of answers' heads."""

from http import HTTPStatus

from app.gateway.reply import HeaderItems

GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"
CLOSE = b"connection: close\r\n"
KEEP = b"connection: keep-alive\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n"

_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}".encode() for status in HTTPStatus}


def head(status: int, headers: HeaderItems, more: bytes) -> bytes:
    """Status line and headers with the empty line. more: further lines, each with its end, at least one."""
    line = _LINES.get(status) or b"HTTP/1.1 %d " % status
    return b"\r\n".join([line, *[b": ".join(pair) for pair in headers], more + b"\r\n"])
