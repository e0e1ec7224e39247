"""New connections to one origin: looked up and checked by core/net.py, and made to exactly what was checked."""

import asyncio
import socket
import ssl
from collections.abc import Sequence

from app.core import net
from app.core.net import Endpoint, Guard
from app.gateway.upstream.address import Origin
from app.gateway.upstream.connection import Connection
from app.gateway.upstream.problems import Forbidden, Unreachable

HEAD_START_S = 0.25
"""So long an address is tried alone before the next is tried beside it. Source: RFC 8305, section 5."""


class Dialler:
    """Belongs to the event loop. tls: for origins with https."""

    def __init__(self, origin: Origin, *, guard: Guard, tls: ssl.SSLContext) -> None:
        self._origin = origin
        self._guard = guard
        self._tls = tls if origin.scheme == "https" else None
        self._loop = asyncio.get_running_loop()

    async def connect(self, connection: Connection) -> None:
        """Open `connection`. Knows no time limit. Raises Forbidden, Unreachable."""
        host, port = self._origin.host, self._origin.port
        try:
            endpoints = await self._guard.resolve_async(self._loop, host, port, is_encrypted=self._tls is not None)
            sock = await self._first(endpoints)
            await self._loop.create_connection(
                lambda: connection, sock=sock, ssl=self._tls, server_hostname=host if self._tls else None
            )
        except net.Forbidden as problem:
            raise Forbidden(f"{host} is {problem.address}") from problem
        except (net.NoSuchHost, net.NoAnswer) as problem:
            raise Unreachable(f"{host}: {problem.message}") from problem
        except OSError as problem:
            raise Unreachable(f"{type(problem).__name__}: {problem}") from problem

    async def _first(self, endpoints: Sequence[Endpoint]) -> socket.socket:
        """A connected socket, to whichever takes it first; those named first have a head start. Raises OSError."""
        waiting = list(endpoints)
        tries: list[asyncio.Task[socket.socket]] = []
        running: set[asyncio.Task[socket.socket]] = set()
        problem: BaseException = OSError("no address")
        try:
            while waiting or running:
                if waiting:
                    tries.append(self._loop.create_task(self._socket(waiting.pop(0))))
                    running.add(tries[-1])
                done, running = await asyncio.wait(
                    running, timeout=HEAD_START_S if waiting else None, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    tries.remove(task)
                    if (failed := task.exception()) is None:
                        return task.result()
                    problem = failed
            raise problem
        finally:
            for task in tries:
                task.cancel()
                task.add_done_callback(_hang_up)

    async def _socket(self, endpoint: Endpoint) -> socket.socket:
        sock = socket.socket(endpoint.family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            await self._loop.sock_connect(sock, endpoint.address)
        except BaseException:
            sock.close()
            raise
        return sock


def _hang_up(task: asyncio.Task[socket.socket]) -> None:
    """Nobody wants what came of this try any more."""
    if not task.cancelled() and task.exception() is None:
        task.result().close()
