"""What waiting costs: connections that nobody uses, streams that nobody writes to, keys that nobody calls with."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from bench import calls, nginx, report, targets, world
from bench.measure import Plan
from bench.problems import Unmeasurable
from bench.processes import Process
from bench.report import Section
from bench.targets import DIRECT, GATEWAY, Target
from bench.world import World
from bench.wrk import Request

IDLE = 1_000
MANY_KEYS = 10_000
ROOM = {"POSTERN_KEY_STREAMS": "0", "POSTERN_UPSTREAM_CONNECTIONS": "4096"}
TIMEOUT_S = 60.0
SETTLE_S = 1.0
NUMBER = 9_000_000_000_000


def run(plan: Plan, folder: Path) -> Section:
    """Raises Unmeasurable without Lua in nginx, and when somebody is not served."""
    if not plan.tools.lua_modules:
        raise Unmeasurable("Only the upstream with Lua in nginx sends streams.")
    lines: list[tuple[str, str, float]] = []
    with targets.beside_each_other(plan, folder, ROOM) as (place, found):
        for target in found:
            if target.name != DIRECT:
                kept = asyncio.run(_kept(target, _call(target, place)))
                lines.append((target.name, f"{IDLE:,} idle connections, KB each", kept))
                listening = asyncio.run(_kept(target, _listen(target, place)))
                lines.append((target.name, f"{IDLE:,} idle streams, KB each", listening))
    for keys in (world.KEYS, MANY_KEYS):
        lines.append((GATEWAY, f"{keys:,} keys known, MB in all", _with_keys(plan, folder / f"keys-{keys}", keys)))
    numbers = [{"target": name, "what": what, "value": value} for name, what, value in lines]
    return Section("memory", "Memory", _table(lines), numbers)


def _table(lines: Sequence[tuple[str, str, float]]) -> str:
    return report.table(["what", "target", "resident"], [[what, name, f"{value:,.1f}"] for name, what, value in lines])


def _with_keys(plan: Plan, folder: Path, keys: int) -> float:
    """MB of a gateway that knows so many keys and has answered one call."""
    folder.mkdir()
    core = plan.cores.load
    with nginx.upstream(plan.tools, name="upstream", folder=folder, core=core) as (_, upstream_url):
        place = world.create(folder, upstream_url=upstream_url, keys=keys)
        try:
            with targets.gateway(place, folder, plan.cores.measured) as target:
                calls.called(GATEWAY, calls.request(target.url, place.key, calls.MODERN))
                return target.process.rss_bytes() / 1e6
        finally:
            place.engine.dispose()


async def _kept(target: Target, asked: bytes) -> float:
    """KB by which the target grew for each connection that asked once, was answered, and stays."""
    async with AsyncExitStack() as stack:
        for _ in range(20):  # what is needed once is there
            await stack.enter_async_context(_connected(target, asked))
        before = _settled(target.process)
        for _ in range(IDLE):
            await stack.enter_async_context(_connected(target, asked))
        return (_settled(target.process) - before) / IDLE / 1000


@asynccontextmanager
async def _connected(target: Target, asked: bytes) -> AsyncIterator[None]:
    parts = urlsplit(target.url)
    async with asyncio.timeout(TIMEOUT_S):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(asked)
        head = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in head:
        raise Unmeasurable(f"{target.name} does not serve everybody: {head!r}")
    try:
        yield
    finally:
        writer.transport.abort()


def _settled(process: Process) -> float:
    time.sleep(SETTLE_S)
    return process.rss_bytes()


def _call(target: Target, place: World) -> bytes:
    """One call."""
    return calls.request(target.url, place.key, calls.MODERN).wire(NUMBER)


def _listen(target: Target, place: World) -> bytes:
    """The listening stream of the handshake era, on which this upstream sends one event and then nothing."""
    headers = calls.request(target.url, place.key, calls.HANDSHAKE).headers
    return Request(target.url, {**headers, "Accept": "text/event-stream"}).wire(0)
