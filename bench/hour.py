"""Does memory stay flat? One gateway under a modest mix of everything for an hour, its resident memory written down."""

import asyncio
import json
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from bench import calls, machine, nginx, report, targets, world
from bench.measure import Plan
from bench.problems import Unmeasurable
from bench.processes import Process
from bench.report import Section
from bench.world import World
from bench.wrk import ID, Request

SECONDS = 3_600
LOOK_EVERY_S = 10.0
SAY_EVERY_S = 300.0
CALLERS = 8
PAUSE_S = 0.12
"""Between a caller's requests, on average: about sixty a second in all."""
MOST_ON_A_CONNECTION = 40
TIMEOUT_S = 30.0
PIECE_BYTES = 256 * 1024
FIRST_NUMBER = 6_000_000_000_000
ANSWERED, REFUSED, UNKNOWN, STRANGER, LEFT = "answered", "refused", "unknown", "strangers", "left"
SHARES = {
    "echo": 180,
    "search": 180,
    "summarise": 180,
    "translate": 160,
    "stream": 80,
    "slow": 75,
    "large": 5,
    STRANGER: 40,
    REFUSED: 40,
    UNKNOWN: 40,
    LEFT: 20,
}
"""Of a thousand requests: calls of these tools, and by a wrong key, of no tool, at no address, not read to the end."""
STATUS = {ANSWERED: 200, REFUSED: 200, UNKNOWN: 404, STRANGER: 401}


@dataclass(frozen=True, slots=True)
class Sample:
    """Resident memory so many seconds after the start, and how many requests there had been."""

    at_s: float
    rss_mb: float
    requests: int


def run(plan: Plan, folder: Path) -> Section:
    """For plan.seconds. Raises Unmeasurable when a caller is answered anything but what it should be."""
    if not plan.tools.lua_modules:
        raise Unmeasurable("Only the upstream with Lua in nginx sends streams.")
    with nginx.upstream(plan.tools, name="upstream", folder=folder, core=plan.cores.load) as (_, upstream_url):
        place = world.create(folder, upstream_url=upstream_url)
        try:
            with targets.gateway(place, folder, plan.cores.measured) as target, machine.on(plan.cores.load):
                mix = Mix(target.url, place)
                samples = asyncio.run(_for(plan.seconds, mix, target.process))
        finally:
            place.engine.dispose()
    slope = slope_mb_per_hour(samples[len(samples) // 2 :])
    numbers = {"samples": samples, "mb_per_hour": slope, "requests": dict(mix.done)}
    return Section("hour", "Memory over time", _text(samples, slope, mix.done), numbers)


def slope_mb_per_hour(samples: Sequence[Sample]) -> float:
    """By least squares; 0.0 for fewer than two."""
    if len(samples) < 2:
        return 0.0
    times, sizes = [sample.at_s for sample in samples], [sample.rss_mb for sample in samples]
    return statistics.linear_regression(times, sizes).slope * 3_600


def _text(samples: Sequence[Sample], slope: float, done: Counter[str]) -> str:
    shown = [*samples[:: max(1, len(samples) // 12)], samples[-1]]
    rows = [[f"{each.at_s / 60:.1f}", f"{each.rss_mb:.1f}", f"{each.requests:,}"] for each in shown]
    what = ", ".join(f"{number:,} {kind}" for kind, number in sorted(done.items()))
    return "\n\n".join(
        [
            report.table(["minutes", "resident MB", "requests"], rows),
            f"Over the second half it grew by {slope:+.2f} MB per hour. Requests: {what}.",
        ]
    )


async def _for(seconds: float, mix: "Mix", process: Process) -> list[Sample]:
    callers = [asyncio.create_task(mix.caller()) for _ in range(CALLERS)]
    began, said_at = time.monotonic(), 0.0
    samples: list[Sample] = []
    try:
        while (at_s := time.monotonic() - began) < seconds:
            for caller in callers:
                if caller.done():
                    caller.result()
            samples.append(Sample(at_s, process.rss_bytes() / 1e6, mix.done.total()))
            if at_s >= said_at:
                said_at += SAY_EVERY_S
                slope = slope_mb_per_hour(samples[len(samples) // 2 :])
                print(f"  {at_s / 60:5.1f} min  {samples[-1].rss_mb:.1f} MB  {slope:+.2f} MB/h", file=sys.stderr)
            await asyncio.sleep(min(LOOK_EVERY_S, seconds / 10))
    finally:
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)
    return samples


class Mix:
    """What callers do. done: how many requests ended how."""

    def __init__(self, url: str, place: World) -> None:
        self._parts = urlsplit(url)
        self._url = url
        self._keys = place.keys
        self._chance = random.Random(1)
        self._number = FIRST_NUMBER
        self.done: Counter[str] = Counter()

    async def caller(self) -> None:
        """One connection after the other, for ever."""
        try:
            while True:
                async with asyncio.timeout(TIMEOUT_S):
                    reader, writer = await asyncio.open_connection(self._parts.hostname, self._parts.port)
                try:
                    await self._connection(reader, writer)
                finally:
                    writer.transport.abort()
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as problem:
            raise Unmeasurable(f"the gateway broke an answer off: {problem!r}") from problem

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(self._chance.randint(1, MOST_ON_A_CONNECTION)):
            await asyncio.sleep(self._chance.uniform(0, 2 * PAUSE_S))
            request, expected = self._request()
            self._number += 1
            writer.write(request.wire(self._number))
            if expected == LEFT:
                await reader.readuntil(b"\r\n\r\n")
                self.done[LEFT] += 1
                return
            async with asyncio.timeout(TIMEOUT_S):
                status = await _answer(reader)
            if status != STATUS[expected]:
                raise Unmeasurable(f"{request.headers.get('Mcp-Name')} was answered with {status}")
            self.done[expected] += 1

    def _request(self) -> tuple[Request, str]:
        """What to ask next, and what comes of it."""
        key = self._chance.choice(self._keys)
        [tool] = self._chance.choices(list(SHARES), SHARES.values())
        asked = self._ask(key, tool)
        if tool == STRANGER:
            return self._ask("nobody" + key[6:], "echo"), STRANGER
        if tool == UNKNOWN:
            return replace(asked, url=f"{self._url}-{self._chance.randrange(10**9)}"), UNKNOWN
        if tool == REFUSED:
            return self._ask(key, f"tool{self._chance.randrange(10**9)}"), REFUSED
        if tool == LEFT:
            return self._ask(key, "slow"), LEFT
        return asked, ANSWERED

    def _ask(self, key: str, tool: str) -> Request:
        request = calls.request(self._url, key, calls.MODERN, tool=tool)
        agent = f"client/{self._chance.randrange(10**6)}"
        body = json.loads((request.body or "").replace(ID, "0"))
        body["params"]["arguments"]["text"] = "x" * self._chance.randint(1, 20_000)
        text = json.dumps(body).replace('"id": 0', f'"id": {ID}')
        return Request(request.url, {**request.headers, "User-Agent": agent}, text)


async def _answer(reader: asyncio.StreamReader) -> int:
    """Read to its end; gives its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
    length = fields.get(b"content-length")
    if length is None:
        await reader.readuntil(b"\r\n0\r\n\r\n")
        return status
    left = int(length)
    while left:
        piece = await reader.read(min(left, PIECE_BYTES))
        if not piece:
            raise asyncio.IncompleteReadError(b"", left)
        left -= len(piece)
    return status
