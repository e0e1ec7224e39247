"""Requests that are free and may stay open for as long as their caller likes.

A call of a tool that is running when its key is revoked is left to finish. Whoever only listens would go on for an
hour, so what listens ends with what let it in: the key, its terms, the integration. The caller opens it anew if it
still may.
"""

import asyncio
from math import inf

from app.core.clock import Onward
from app.gateway import authority
from app.gateway.call import Call
from app.gateway.policy import Policy
from app.gateway.reply import Reply
from app.gateway.upstream.exchange import Exchange
from app.gateway.upstream.problems import ShuttingDown

LISTEN = "subscriptions/listen"
SOON_S = 0.1
LATER_S = 86_400.0
"""Shortest and longest time that a timer is set to; no stream lives as long as the latter."""


class Streams:
    """For the event loop alone."""

    def __init__(self, policy: Policy, clock: Onward) -> None:
        self._policy = policy
        self._clock = clock
        self._open: dict[Exchange, tuple[Call, Reply, asyncio.TimerHandle | None]] = {}

    def add(self, exchange: Exchange, call: Call, reply: Reply) -> None:
        """From now on it may be ended."""
        self._open[exchange] = (call, reply, self._timer(exchange, call))

    def discard(self, exchange: Exchange) -> None:
        """It is over."""
        _, _, timer = self._open.pop(exchange)
        if timer is not None:
            timer.cancel()

    def drain(self) -> None:
        """End them all."""
        for exchange in list(self._open):
            exchange.fail(ShuttingDown())

    def review(self) -> None:
        """End those that would not be let in now as they were; for whenever the policy has changed."""
        ending = [
            exchange
            for exchange, (call, reply, _) in self._open.items()
            if _listens(call, reply) and not self._holds(call)
        ]
        for exchange in ending:
            exchange.fail(ShuttingDown())

    def _timer(self, exchange: Exchange, call: Call) -> asyncio.TimerHandle | None:
        """Nobody announces that a key expires."""
        if call.grant.expires_at == inf:
            return None
        left_s = call.grant.expires_at - self._clock.now_s()
        return asyncio.get_running_loop().call_later(min(max(left_s, SOON_S), LATER_S), self._expire, exchange)

    def _expire(self, exchange: Exchange) -> None:
        """Timers go by another clock, and may be early: so this one is set again until the exchange is over."""
        self.review()
        call, reply, _ = self._open[exchange]
        self._open[exchange] = (call, reply, self._timer(exchange, call))

    def _holds(self, call: Call) -> bool:
        grant = self._policy.live.get(call.grant.digest)
        if grant is None or grant != call.grant or grant.expires_at <= self._clock.now_s():
            return False
        found = authority.find(self._policy, grant, call.destination.route.slug)
        return found is not None and found.route.is_enabled


def _listens(call: Call, reply: Reply) -> bool:
    return reply.is_started or call.incoming.method == "GET" or call.envelope.method == LISTEN
