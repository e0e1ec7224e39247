"""One HTTP request by hand: to see whether something answers, and what an answer weighs on the wire."""

import http.client
import io
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """headers: names in small letters. wire_bytes: status line, headers and body as they came."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    wire_bytes: int


def send(url: str, headers: Mapping[str, str] | None = None, body: str | None = None) -> Answer:
    """GET, or POST when there is a body, over a connection of its own that could be kept.

    Raises OSError when nobody answers in time, or what comes is no HTTP.
    """
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    payload = (body or "").encode()
    lines = {"Host": parts.netloc, **(headers or {})}
    if body is not None:
        lines["Content-Length"] = str(len(payload))
    head = f"{'GET' if body is None else 'POST'} {target} HTTP/1.1\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"
    with socket.create_connection((parts.hostname or "", parts.port or 80), TIMEOUT_S) as connection:
        connection.sendall(head.encode("latin-1") + payload)
        return _receive(connection)


def answers(url: str, headers: Mapping[str, str] | None = None) -> bool:
    """Whether a GET is answered with 200."""
    with suppress(OSError):
        return send(url, headers).status == 200
    return False


def listens(port: int) -> bool:
    """Whether a connection to `port` on loopback is taken."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), TIMEOUT_S):
        return True
    return False


def _receive(connection: socket.socket) -> Answer:
    counted = _Counted(connection)
    response = http.client.HTTPResponse(counted)  # type: ignore[arg-type]  # all it wants is makefile()
    try:
        response.begin()
        body = response.read()
    except http.client.HTTPException as problem:
        raise OSError(f"no HTTP: {problem!r}") from problem
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(status=response.status, headers=headers, body=body, wire_bytes=counted.total)


class _Counted(io.RawIOBase):
    """What a connection brings, counted."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.total = 0

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # narrower than any buffer
        received = self._connection.recv_into(buffer)
        self.total += received
        return received
