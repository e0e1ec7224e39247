"""Where an integration listens, parsed once when its route is loaded."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple
from urllib.parse import urlsplit


class Origin(NamedTuple):
    """What connections are pooled by. host: as given to the resolver and to TLS, without brackets."""

    scheme: str
    host: str
    port: int


@dataclass(frozen=True)
class Address:
    """An origin and, ready to be written, the request target and Host value that reach the endpoint there."""

    origin: Origin
    target: bytes
    host_header: bytes

    @cached_property
    def head(self) -> bytes:
        """What every request's head has after its method: the rest of its line, and Host."""
        return b" " + self.target + b" HTTP/1.1\r\nhost: " + self.host_header + b"\r\n"


def parse(url: str) -> Address:
    """The address of an http(s) URL; its fragment, if any, is dropped.

    Raises ValueError when it has no host, another scheme, or characters that cannot stand in a request line.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"not an http(s) address: {url!r}")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not url.isascii() or any(character <= " " or character == "\x7f" for character in url):
        raise ValueError(f"an address holds printable ASCII only: {url!r}")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    host_header = host if parts.port is None else f"{host}:{port}"
    return Address(Origin(parts.scheme, parts.hostname, port), target.encode(), host_header.encode())
