"""Callers who write down every answer that reached them whole."""

import asyncio
import hashlib
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
NOT_YET = {"in_progress", "unavailable", NOT_RECORDED}
"""Reasons for which a caller sends the same call again."""
TRIES = 4


@dataclass(frozen=True, slots=True)
class Answer:
    """What reached a caller whole. receipt: in full, "" when there was none; reason: of an error, "" for a result.
    is_replay: whether it is the answer to an earlier try, with that one's receipt.
    """

    number: int
    request_id: str
    receipt: str
    reason: str
    is_replay: bool = False

    @property
    def is_final(self) -> bool:
        """Whether nobody would send the same call again."""
        return self.reason not in NOT_YET


@dataclass
class Load:
    """callers for each secret, who call one gateway or another until `stop`, or until `calls` have been made.

    answers: everything that arrived whole. broken: calls whose answer did not; unreached: calls that met nobody.
    under_way: at each port, sent and not answered yet. Each failing_every-th call is one that fails at the integration.
    Each keyed_every-th has an Idempotency-Key, and is sent again with the same one until it is answered; left: those
    whose caller has given up, as (name, secret, number).
    """

    ports: Sequence[int]
    secrets: dict[str, list[str]]
    callers: int = 4
    calls: int = 100_000
    failing_every: int = 20
    keyed_every: int = 3
    seed: int = 0
    first: int = 1
    answers: list[Answer] = field(default_factory=list)
    broken: int = 0
    unreached: int = 0
    refused: Counter = field(default_factory=Counter)
    under_way: Counter = field(default_factory=Counter)
    results: Counter = field(default_factory=Counter)
    left: list[tuple[str, str, int]] = field(default_factory=list)
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

    async def ask_again(self) -> None:
        """Send what was left again, until all of it is answered. Takes up to a minute: so long are gateways trusted to
        be alive that have taken a key.
        """
        left, self.left = self.left, []
        await asyncio.gather(*[self._until_answered(*one) for one in left])

    async def _until_answered(self, name: str, secret: str, number: int) -> None:
        caller = _Caller(self, secret, random.Random(f"{self.seed} {number}"))
        while True:
            answer = await caller.call(number)
            if answer is not None and answer.is_final:
                break
            await asyncio.sleep(5 * PAUSE_S)
        await caller.close()

    async def _caller(self, name, secret, numbers, rng) -> None:
        caller = _Caller(self, secret, rng)
        for number in numbers:
            if self.is_stopping:
                break
            answer = await caller.call(number)
            tries = 1
            while self._is_keyed(number) and tries < TRIES and (answer is None or not answer.is_final):
                tries += 1
                await asyncio.sleep(rng.random() * PAUSE_S)
                answer = await caller.call(number)
            if answer is not None and not answer.reason:
                self.results[name] += 1
                continue
            if self._is_keyed(number) and (answer is None or not answer.is_final):
                self.left.append((name, secret, number))
            await asyncio.sleep(rng.random() * PAUSE_S)
        await caller.close()

    def _is_keyed(self, number: int) -> bool:
        return number % self.keyed_every == 0

    async def _call(self, connection: Connection, port: int, number: int) -> Answer | None:
        self.under_way[port] += 1
        headers = [("Idempotency-Key", key_of(number))] if self._is_keyed(number) else []
        try:
            received = await connection.call(self._message(number), headers=headers)
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
        answer = Answer(
            number,
            headers["postern-request-id"],
            headers.get("postern-receipt", ""),
            reason,
            is_replay="idempotency-replayed" in headers,
        )
        self.answers.append(answer)
        return answer


class _Caller:
    """One caller's connection, to one gateway or another."""

    def __init__(self, load: Load, secret: str, rng: random.Random) -> None:
        self._load, self._secret, self._rng = load, secret, rng
        self._connection: Connection | None = None
        self._port = 0

    async def call(self, number: int) -> Answer | None:
        """None when no answer arrived whole."""
        if self._connection is None or self._rng.random() < MOVES:
            await self.close()
            self._port = self._rng.choice(self._load.ports)
            self._connection = Connection(self._port, self._secret)
        answer = await self._load._call(self._connection, self._port, number)
        if answer is None:
            await self.close()
        return answer

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(OSError):
                await connection.close()


def key_of(number: int) -> str:
    """The Idempotency-Key of a call."""
    return f"call-{number}"


def digest_of(number: int) -> str:
    """What events say of that key."""
    return hashlib.sha256(key_of(number).encode()).hexdigest()


def described(load: Load) -> str:
    """One line for whoever watches."""
    return json.dumps({"results": dict(load.results), "errors": dict(load.refused), "broken": load.broken})
