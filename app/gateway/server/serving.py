"""Serving: from the first connection to the last answer."""

import asyncio
import logging
import resource
import socket
from collections.abc import Callable
from time import monotonic
from typing import Protocol

from app.gateway.caller import Caller
from app.gateway.incoming import Incoming
from app.gateway.reply import Reply
from app.gateway.server.connection import Connection
from app.gateway.server.limits import Limits
from app.gateway.server.service import Service, Work
from app.gateway.server.sockets import BACKLOG

log = logging.getLogger(__name__)

DRAIN_S = 30.0
GIVE_UP_S = 5.0
STEP_S = 0.02
OTHER_FILES = 128
"""Files that are open beside callers' connections and as many to integrations."""


class Answerer(Protocol):
    """What is served."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    def drain(self) -> None: ...
    def begin(self, incoming: Incoming, caller: Caller, reply: Reply, over: Callable[[], None]) -> Work: ...


class Server:
    """Serves `gateway` on `listener` from `start` to `stop`."""

    def __init__(self, gateway: Answerer, listener: socket.socket, *, limits: Limits) -> None:
        self._gateway = gateway
        self._listener = listener
        self._service = Service(gateway.begin, limits)
        self._stopping = asyncio.Event()
        self._hurrying = asyncio.Event()

    async def run(self) -> None:
        """Serve until `stop_soon`."""
        await self._gateway.start()
        try:
            await self.start()
            await self._stopping.wait()
            await self.stop()
        finally:
            await self._gateway.stop()

    def stop_soon(self) -> None:
        """Finish what is under way and stop; a second time: without finishing."""
        if self._stopping.is_set():
            self._hurrying.set()
        self._stopping.set()

    async def start(self) -> None:
        """Accept connections."""
        loop = asyncio.get_running_loop()
        self._service.start(loop)
        self._accepting = await loop.create_server(
            lambda: Connection(self._service), sock=self._listener, backlog=BACKLOG
        )

    async def stop(self, *, drain_s: float = DRAIN_S) -> None:
        """Accept no more, let answers finish for at most drain_s seconds, and cut off the rest."""
        service = self._service
        self._accepting.close()
        service.drain()
        self._gateway.drain()
        await self._until_over(drain_s)
        if service.turns:
            log.warning("gateway.cut_off", extra={"requests": len(service.turns)})
            for turn in list(service.turns):
                turn.work.cancel()
            await self._until_over(GIVE_UP_S)
        service.abort()
        service.stop()

    async def _until_over(self, timeout_s: float) -> None:
        """Until everybody has their answer and has gone, or time is up, or we are in a hurry."""
        service, until = self._service, monotonic() + timeout_s
        while (service.turns or service.members) and monotonic() < until and not self._hurrying.is_set():
            await asyncio.sleep(STEP_S)
        self._hurrying.clear()


def make_room_for(connections: int) -> int:
    """Let this process open files for that many callers, each with a connection to an integration; gives for how many
    it may.
    """
    wanted = 2 * connections + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return connections
    possible = max(1, (soft - OTHER_FILES) // 2)
    level = logging.WARNING if 2 * possible < connections else logging.INFO
    log.log(level, "gateway.few_files", extra={"wanted": wanted, "allowed": soft, "connections": possible})
    return possible
