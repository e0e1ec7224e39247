"""The one way out to addresses that somebody registered: they are hostile until checked. Why so: docs/adr/0008.

    guard = net.from_settings(settings)
    guard.check_url(url)                       # when it is typed: its form, no look-up; raises errors.Invalid
    answer = guard.fetch(url, timeout_s=5)     # from the worker or the command line: looked up, checked, connected
    with guard.open_stream(url, …) as stream:  # the same for an answer that is read in pieces
        for piece in stream: …

A name is looked up once, every address of the answer is checked, and the connection goes to one of exactly these.
Redirects are not followed (a 3xx is an answer like any other), proxies of the environment and cookies are not known,
answers come uncompressed or not at all, and one limit of time and one of size bound everything.

What an answer holds is for programs. It is never shown to whoever typed the address, least of all that of an error.
"""

import asyncio
import re
import socket
import ssl
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from functools import cached_property
from typing import Any
from urllib.parse import SplitResult, urlsplit

from app.core import addresses, net_http
from app.core.config import Settings
from app.core.errors import Invalid
from app.core.net_http import Deadline, Endpoint, Response, Stream
from app.core.net_problems import Forbidden, NoAnswer, NoSuchHost, TooLarge, TooSlow, in_words

__all__ = [
    "Endpoint",
    "Forbidden",
    "Guard",
    "NoAnswer",
    "NoSuchHost",
    "Response",
    "Stream",
    "TooLarge",
    "TooSlow",
    "from_settings",
]

MAX_BYTES = 1024 * 1024
TIMEOUT_S = 10.0
MAX_URL = 2048
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*\.?")

_FORM = "An address looks like https://host[:port]/path, without user, password, spaces or “#”."
_HTTPS = "The address must begin with https://; plain http is only for the private networks that this gateway allows."
_PRIVATE = (
    "The address leads into a private network. Give one that the whole internet can reach, "
    "or ask whoever runs this gateway to allow that network."
)

Found = list[tuple[Any, ...]]


class Guard:
    """Knows which addresses may be called. One for the life of the process; safe to share between threads."""

    def __init__(self, *, private_networks: Iterable[str] = (), requires_https: bool = True) -> None:
        """private_networks: may be called although they are not public, and without TLS; “10.0.0.0/8”.

        requires_https: of everything else.
        """
        self._private = addresses.networks(private_networks)
        self._requires_https = requires_https
        self._under_way: dict[tuple[str, int], Future[Found]] = {}

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """How the certificates of others are checked."""
        return ssl.create_default_context()

    def check_url(self, url: str) -> None:
        """Refuse what could never be called, without looking anything up. Raises Invalid, for whoever typed it."""
        self._taken_apart(url)

    def resolve(
        self, host: str, port: int, *, is_encrypted: bool = True, timeout_s: float = TIMEOUT_S
    ) -> list[Endpoint]:
        """Where to connect for `host`, at least one place. Blocks; raises Forbidden, NoSuchHost, NoAnswer."""
        with in_words():
            found = self._look_up(host, port).result(timeout_s)
        return self._checked(found, is_encrypted=is_encrypted)

    async def resolve_async(
        self, loop: asyncio.AbstractEventLoop, host: str, port: int, *, is_encrypted: bool = True
    ) -> list[Endpoint]:
        """The same for an event loop. Knows no time limit; it may be cancelled at any time."""
        with in_words():
            found = await asyncio.wrap_future(self._look_up(host, port), loop=loop)
        return self._checked(found, is_encrypted=is_encrypted)

    def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        timeout_s: float = TIMEOUT_S,
        max_bytes: int = MAX_BYTES,
    ) -> Response:
        """The whole answer, whatever its status. Blocks; raises Invalid (Forbidden, NoSuchHost) and NoAnswer.

        timeout_s: for all of it, from the look-up to the last byte. max_bytes: of the answer's body.
        """
        with self.open_stream(
            url, method=method, headers=headers, body=body, timeout_s=timeout_s, max_bytes=max_bytes
        ) as stream:
            return Response(stream.status, stream.headers, b"".join(stream))

    def open_stream(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        timeout_s: float = TIMEOUT_S,
        max_bytes: int = MAX_BYTES,
    ) -> Stream:
        """The same once its head is there: iterate for the body, in pieces as they come, all within the same limits."""
        parts = self._taken_apart(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        ours = {"Host": parts.netloc, "User-Agent": "Postern", "Accept-Encoding": "identity", "Connection": "close"}
        if body or method not in ("GET", "HEAD"):
            ours["Content-Length"] = str(len(body))
        deadline = Deadline(timeout_s)
        with in_words():
            return net_http.ask(
                self._connect(parts, deadline),
                deadline,
                method=method,
                target=target,
                headers={**ours, **(headers or {})},
                body=body,
                max_bytes=max_bytes,
            )

    def _connect(self, parts: SplitResult, deadline: Deadline) -> socket.socket:
        is_encrypted = parts.scheme == "https"
        name = parts.hostname or ""
        port = parts.port or (443 if is_encrypted else 80)
        endpoints = self.resolve(name, port, is_encrypted=is_encrypted, timeout_s=deadline.left_s())
        sock = net_http.dial(endpoints, deadline)
        return net_http.secure(sock, self.tls, name=name, deadline=deadline) if is_encrypted else sock

    # What may be called

    def _taken_apart(self, url: str) -> SplitResult:
        if len(url) > MAX_URL or not url.isascii() or any(c <= " " or c in "\x7f\\#" for c in url):
            raise Invalid(_FORM)
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
            is_fine = bool(host) and ("[" in parts.netloc) == (":" in host)
            is_fine = is_fine and parts.port != 0 and "@" not in parts.netloc
        except ValueError:
            is_fine = False
        if not is_fine or parts.scheme not in ("http", "https"):
            raise Invalid(_FORM)
        if parts.scheme == "http" and self._requires_https and not self._private:
            raise Invalid(_HTTPS)
        self._check_host(parts.hostname or "", is_encrypted=parts.scheme == "https")
        return parts

    def _check_host(self, host: str, *, is_encrypted: bool) -> None:
        address = addresses.parse(host)
        if address is not None and "%" not in host:
            self._check(address, is_encrypted=is_encrypted)
        elif _NAME.fullmatch(host) is None:
            raise Invalid(f"“{host[:80]}” is not the name of a host.")

    def _check(self, address: addresses.Address, *, is_encrypted: bool) -> None:
        address = addresses.plain(address)
        if any(address in network for network in self._private):
            return
        if not addresses.is_public(address):
            raise Forbidden(_PRIVATE, str(address))
        if self._requires_https and not is_encrypted:
            raise Forbidden(_HTTPS, str(address))

    def _checked(self, found: Found, *, is_encrypted: bool) -> list[Endpoint]:
        endpoints = list(dict.fromkeys(Endpoint(family, address) for family, _, _, _, address in found))
        for endpoint in endpoints:
            address = addresses.parse(str(endpoint.address[0]))
            if address is None:
                raise NoSuchHost("The name in the address leads nowhere.")
            self._check(address, is_encrypted=is_encrypted)
        return endpoints

    # The resolver

    def _look_up(self, host: str, port: int) -> Future[Found]:
        """Ask for addresses in a thread of its own, shared by whoever asks for the same meanwhile.

        getaddrinfo knows no time limit, and names whose servers are silent would fill any pool of threads.
        """
        key = (host, port)
        future = self._under_way.get(key)
        if future is None:
            future = self._under_way[key] = Future()
            future.set_running_or_notify_cancel()
            if addresses.parse(host) is not None:
                self._ask_resolver(key, future)  # nobody is asked for what is a number already
            else:
                threading.Thread(target=self._ask_resolver, args=(key, future), name="resolver", daemon=True).start()
        return future

    def _ask_resolver(self, key: tuple[str, int], future: Future[Found]) -> None:
        try:
            found: Found = list(socket.getaddrinfo(*key, type=socket.SOCK_STREAM))
        except Exception as problem:  # noqa: BLE001  (whoever waits for the future gets it)
            self._under_way.pop(key, None)
            future.set_exception(problem)
        else:
            self._under_way.pop(key, None)
            future.set_result(found)


def from_settings(settings: Settings) -> Guard:
    """The guard of an installation."""
    return Guard(private_networks=settings.private_networks, requires_https=not settings.is_development)
