"""The HTTP client towards integrations: small, because a general one costs more than all the rest of a call.

It sends what it is given and streams what comes back. It follows no redirects, decodes nothing, keeps no cookies, and
never sends HEAD, whose answers would need a parser that knows the question. Why it is ours: docs/adr/0002.
"""

import asyncio
import ssl

from app.core.net import Guard
from app.gateway.outbox import Outbox
from app.gateway.upstream.address import Address, Origin
from app.gateway.upstream.connection import Connection
from app.gateway.upstream.dialler import Dialler
from app.gateway.upstream.exchange import Exchange
from app.gateway.upstream.limits import Limits
from app.gateway.upstream.pool import Pool
from app.gateway.upstream.problems import BrokeOff


class Client:
    """One for the life of the process: its pools and its TLS context are what makes it quick."""

    def __init__(self, *, limits: Limits, connections: int, guard: Guard) -> None:
        """connections: to one origin, at most. guard: asked about each new one. Needs a running loop."""
        self._limits = limits
        self._connections = connections
        self._guard = guard
        self._tls = ssl.create_default_context()
        self._loop = asyncio.get_running_loop()
        self._outbox = Outbox(self._loop)
        self._pools: dict[Origin, Pool] = {}

    def exchange(self) -> Exchange:
        """A new exchange, which may be failed from elsewhere (the caller left) before it is even sent."""
        return Exchange(self._loop, self._limits)

    def at_hand(self, address: Address) -> Connection | None:
        """A connection that was kept, to carry one exchange at once; None when there is none."""
        pool = self._pools.get(address.origin)
        return pool.take_idle() if pool is not None else None

    async def send(
        self, exchange: Exchange, address: Address, *, head: bytes, body: bytes, is_repeatable: bool
    ) -> None:
        """Send a request; returns when status and headers of the answer are there.

        head: request line and headers with the empty line, Host and Content-Length included.
        is_repeatable: may be sent again when a kept-alive connection turns out to have been closed meanwhile.
        Raises UpstreamProblem.
        """
        pool = self._pools.get(address.origin) or self._pool(address.origin)
        try:
            connection = pool.take_idle() or await pool.take_new()
            connection.carry(exchange, head, body)
            try:
                await exchange.head()
            except BrokeOff:
                if not (is_repeatable and connection.was_used and exchange.heard_nothing):
                    raise
                exchange.restart()
                connection = await pool.take_new()
                connection.carry(exchange, head, body)
                await exchange.head()
        except BaseException:
            exchange.close()
            raise

    async def close(self) -> None:
        """Close idle connections."""
        for pool in self._pools.values():
            pool.close()

    def _pool(self, origin: Origin) -> Pool:
        dialler = Dialler(origin, guard=self._guard, tls=self._tls)
        pool = self._pools[origin] = Pool(
            dialler, outbox=self._outbox, size=self._connections, connect_s=self._limits.connect_s
        )
        return pool
