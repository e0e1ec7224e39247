"""Callers who write down every answer that reached them whole."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from tests.gateway.processes import Connection, Received
from tests.soak import upstream

PAUSE_S = 0.1
"""At most so long does a caller wait who was refused or found nobody."""
FAILING = (upstream.RPC_ERROR, upstream.HTTP_500, upstream.HANGS_UP)
MOVES = 0.02
NOT_RECORDED = "not_recorded"


@dataclass(frozen=True, slots=True)
class Answer:
    """What reached a caller whole. receipt: in full, "" when there was none; reason: of an error, "" for a result."""

    number: int
    request_id: str
    receipt: str
    reason: str


@dataclass
class Load:
    """callers for each secret, who call one gateway or another until `stop`, or until `calls` have been made.

    answers: everything that arrived whole. broken: calls whose answer did not; unreached: calls that met nobody.
    under_way: at each port, sent and not answered yet. Each failing_every-th call is one that fails at the integration.
    """

    ports: Sequence[int]
    secrets: dict[str, list[str]]
    callers: int = 4
    calls: int = 100_000
    failing_every: int = 20
    seed: int = 0
    first: int = 1
    answers: list[Answer] = field(default_factory=list)
    broken: int = 0
    unreached: int = 0
    refused: Counter = field(default_factory=Counter)
    under_way: Counter = field(default_factory=Counter)
    results: Counter = field(default_factory=Counter)
    is_stopping: bool = False

    @property
    def total(self) -> int:
        """Calls with a result so far."""
        return self.results.total()

    def stop(self) -> None:
        """Let each caller finish the call that is under way."""
        self.is_stopping = True

    async def run(self) -> None:
        """Until the last caller is done."""
        numbers = iter(range(self.first, self.first + self.calls))
        callers = [
            self._caller(name, secret, numbers, random.Random(f"{self.seed} {name} {secret[-4:]} {at}"))
            for name, secrets in self.secrets.items()
            for secret in secrets
            for at in range(self.callers)
        ]
        await asyncio.gather(*callers)

    async def _caller(self, name, secret, numbers, rng) -> None:
        connection, port = None, 0
        for number in numbers:
            if self.is_stopping:
                break
            if connection is None or rng.random() < MOVES:
                await _close(connection)
                port = rng.choice(self.ports)
                connection = Connection(port, secret)
            answer = await self._call(connection, port, number)
            if answer is None:
                await _close(connection)
                connection = None
            elif not answer.reason:
                self.results[name] += 1
            if answer is None or answer.reason:
                await asyncio.sleep(rng.random() * PAUSE_S)
        await _close(connection)

    async def _call(self, connection: Connection, port: int, number: int) -> Answer | None:
        self.under_way[port] += 1
        try:
            received = await connection.call(self._message(number))
        except ConnectionRefusedError:
            self.unreached += 1
            return None
        except (OSError, asyncio.IncompleteReadError):
            self.broken += 1
            return None
        finally:
            self.under_way[port] -= 1
        return self._understood(number, received)

    def _message(self, number: int) -> dict:
        fails = number % self.failing_every == 0
        mode = FAILING[number // self.failing_every % len(FAILING)] if fails else upstream.OK
        arguments = {"mode": mode}
        return {
            "jsonrpc": "2.0",
            "id": number,
            "method": "tools/call",
            "params": {"name": "greet", "arguments": arguments},
        }

    def _understood(self, number: int, received: Received) -> Answer:
        said = received.json
        reason = "" if "result" in said else said["error"].get("data", {}).get("reason") or "integration"
        if reason:
            self.refused[reason] += 1
        headers = received.headers
        answer = Answer(number, headers["postern-request-id"], headers.get("postern-receipt", ""), reason)
        self.answers.append(answer)
        return answer


async def _close(connection: Connection | None) -> None:
    if connection is not None:
        with suppress(OSError):
            await connection.close()


def described(load: Load) -> str:
    """One line for whoever watches."""
    return json.dumps({"results": dict(load.results), "errors": dict(load.refused), "broken": load.broken})
