"""How soon the first event of a stream arrives, from several callers at once."""

import asyncio
import statistics
import time
from itertools import count
from urllib.parse import urlsplit

from bench import machine
from bench.measure import Cell, Plan
from bench.problems import Unmeasurable
from bench.targets import Target
from bench.wrk import Request

CALLERS = 16
STREAMS_PER_S = 2
"""For each caller, about: a stream takes 0.2 s."""
TIMEOUT_S = 30.0

_ids = count(8_000_000_000_000)


def cell(target: Target, request: Request, number: int, plan: Plan) -> Cell:
    """A cell whose p50 and p99 are the times to the first event. Raises Unmeasurable when a stream does not come."""
    cpu_before_s, foreign = target.process.cpu_s(), machine.Foreign()
    began = time.monotonic()
    with machine.on(plan.cores.load):
        waits_ms = asyncio.run(_all(request, plan.seconds * STREAMS_PER_S))
    took_s = time.monotonic() - began
    cuts = statistics.quantiles(waits_ms, n=100)
    return Cell(
        subject=target.name,
        callers=CALLERS,
        round=number,
        answers=len(waits_ms),
        per_second=len(waits_ms) / took_s,
        p50_ms=cuts[49],
        p99_ms=cuts[98],
        cpu_us=(target.process.cpu_s() - cpu_before_s) / len(waits_ms) * 1e6,
        rss_mb=target.process.rss_bytes() / 1e6,
        foreign_cores=foreign.cores(),
        errors={},
    )


async def _all(request: Request, streams: int) -> list[float]:
    found = await asyncio.gather(*[_caller(request, streams) for _ in range(CALLERS)])
    return [wait_ms for waits_ms in found for wait_ms in waits_ms]


async def _caller(request: Request, streams: int) -> list[float]:
    """Streams one after the other over one connection; the milliseconds to the first event of each."""
    parts = urlsplit(request.url)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            waits_ms = []
            for _ in range(streams):
                began = time.perf_counter()
                writer.write(request.wire(next(_ids)))
                await reader.readuntil(b"data:")
                waits_ms.append((time.perf_counter() - began) * 1000)
                await reader.readuntil(b"\r\n0\r\n\r\n")
            writer.close()
            return waits_ms
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as problem:
        raise Unmeasurable(f"{request.url} broke a stream off: {problem!r}") from problem
