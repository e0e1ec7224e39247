"""HTTP over a connection to an address that net.py has checked, blocking, and within one deadline.

http.client parses; every wait is given what is left of the time, so that an answer of one byte a second ends too.
"""

import http.client
import io
import socket
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple, Self

from app.core.net_problems import NoAnswer, TooLarge, in_words

_PIECE = 64 * 1024


class Endpoint(NamedTuple):
    """Where to connect. address: numeric, as getaddrinfo gives it: (host, port), for IPv6 with flow and scope."""

    family: socket.AddressFamily
    address: tuple[Any, ...]


class Deadline:
    """So many seconds for all of it, by the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds

    def left_s(self) -> float:
        """Seconds left, more than 0. Raises TimeoutError once there are none."""
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


@dataclass(frozen=True, slots=True)
class Response:
    """headers: by lower-case name, the last of repeats."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Stream:
    """An answer whose head is there. `with` it, and iterate for its body; raises NoAnswer, TooSlow, TooLarge.

    headers: by lower-case name, the last of repeats.
    """

    def __init__(self, response: http.client.HTTPResponse, sock: socket.socket, *, max_bytes: int) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.getheaders()}
        self._response = response
        self._sock = sock
        self._left = max_bytes
        if self.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise NoAnswer("It sent a compressed answer, although none was asked for.")
        if response.length is not None and response.length > max_bytes:
            raise TooLarge("Its answer is too large.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._response.close()
        self._sock.close()

    def __iter__(self) -> Iterator[bytes]:
        while piece := self._read():
            yield piece

    def _read(self) -> bytes:
        with in_words():
            piece = self._response.read1(min(_PIECE, self._left + 1))
            if not piece and self._response.length:
                raise http.client.IncompleteRead(b"")
        self._left -= len(piece)
        if self._left < 0:
            raise TooLarge("Its answer is too large.")
        return piece


def dial(endpoints: Sequence[Endpoint], deadline: Deadline) -> socket.socket:
    """A connection to the first that takes one, each given its share of the time. Raises OSError."""
    problem = OSError("no address to connect to")
    for tried, endpoint in enumerate(endpoints):
        sock = socket.socket(endpoint.family, socket.SOCK_STREAM)
        try:
            sock.settimeout(deadline.left_s() / (len(endpoints) - tried))
            sock.connect(endpoint.address)
        except OSError as caught:
            sock.close()
            problem = caught
        else:
            return sock
    raise problem


def secure(sock: socket.socket, tls: ssl.SSLContext, *, name: str, deadline: Deadline) -> socket.socket:
    """The same connection with TLS on it, checked against `name`. Takes `sock` over; raises OSError."""
    try:
        sock.settimeout(deadline.left_s())
        return tls.wrap_socket(sock, server_hostname=name)
    except BaseException:
        sock.close()
        raise


def ask(
    sock: socket.socket,
    deadline: Deadline,
    *,
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes,
    max_bytes: int,
) -> Stream:
    """Send a request; returns once the head of its answer is there. Takes `sock` over.

    Raises OSError, http.client.HTTPException, NoAnswer.
    """
    connection = http.client.HTTPConnection("")
    connection.sock = _Bounded(sock, deadline)
    try:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(body or None)
        return Stream(connection.getresponse(), sock, max_bytes=max_bytes)
    except BaseException:
        sock.close()
        raise


class _Bounded(io.RawIOBase):
    """What http.client needs of a socket, none of it past the deadline. Closing it does not hang up: Stream does."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Bounded(self._sock, self._deadline))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401  (any buffer; Python 3.11 has no name for it)
        self._sock.settimeout(self._deadline.left_s())
        return self._sock.recv_into(buffer)

    def sendall(self, data: bytes) -> None:
        self._sock.settimeout(self._deadline.left_s())
        self._sock.sendall(data)
