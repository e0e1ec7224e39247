"""Answers that are streams of events, and large ones: how many per second, and how soon the first word comes."""

from collections.abc import Sequence
from pathlib import Path

from bench import calls, first_words, measure, report, targets
from bench.measure import Cell, Plan, Subject
from bench.problems import Unmeasurable
from bench.report import Metric, Section
from bench.targets import DIRECT, GATEWAY, NGINX, Target
from bench.world import World

STREAMERS = 16
FETCHERS = 4
EVENTS = 20
LARGE_BYTES = 10 * 1024 * 1024
SUBJECTS = (DIRECT, NGINX, GATEWAY)

STREAMS = (
    Metric("streams/s", lambda cell, _: cell.per_second, "{:,.0f}".format),
    Metric("p50 ms", lambda cell, _: cell.p50_ms, "{:.2f}".format),
    Metric("p99 ms", lambda cell, _: cell.p99_ms, "{:.2f}".format),
    Metric("CPU µs/stream", lambda cell, _: cell.cpu_us, "{:.0f}".format),
    Metric("RSS MB", lambda cell, _: cell.rss_mb, "{:.0f}".format),
)
LARGE = (
    Metric("MB/s", lambda cell, _: cell.per_second * LARGE_BYTES / 1e6, "{:,.0f}".format),
    Metric("CPU ms/answer", lambda cell, _: cell.cpu_us / 1000, "{:.1f}".format),
    Metric("RSS MB", lambda cell, _: cell.rss_mb, "{:.0f}".format),
)
FIRST = (
    Metric("p50 ms", lambda cell, _: cell.p50_ms, "{:.2f}".format),
    Metric("p99 ms", lambda cell, _: cell.p99_ms, "{:.2f}".format),
    Metric("added p50 ms", lambda cell, direct: cell.p50_ms - direct.p50_ms if direct else None, "{:.2f}".format),
)


def run(plan: Plan, folder: Path) -> Section:
    """Raises Unmeasurable without Lua in nginx, and when an answer is not what it should be."""
    if not plan.tools.lua_modules:
        raise Unmeasurable("Only the upstream with Lua in nginx sends streams.")
    with targets.beside_each_other(plan, folder) as (place, found):
        streams = measure.run(plan, [_subject(target, place, "stream") for target in found], (STREAMERS,))
        large = measure.run(plan, [_subject(target, place, "large") for target in found], (FETCHERS,))
        first = [
            first_words.cell(target, calls.request(target.url, place.key, calls.MODERN, tool="slow"), number, plan)
            for number in range(plan.rounds)
            for target in (*found[number % len(found) :], *found[: number % len(found)])
        ]
    numbers = {"streams": streams, "large": large, "first": first}
    return Section("streams", "Streams and large answers", _tables(streams, large, first), numbers)


def _subject(target: Target, place: World, tool: str) -> Subject:
    """Checked with one call; wrk sees whether each answer is 2xx and complete."""
    request = calls.request(target.url, place.key, calls.MODERN, tool=tool)
    body = calls.answer_to(target.name, request).body
    is_right = body.count(b"data:") == EVENTS if tool == "stream" else len(body) > LARGE_BYTES
    if not is_right:
        raise Unmeasurable(f"{target.name} answers “{tool}” wrong: {body[:200]!r}, {len(body)} bytes")
    return Subject(target.name, request, target.process)


def _tables(streams: Sequence[Cell], large: Sequence[Cell], first: Sequence[Cell]) -> str:
    parts = [f"Streams of {EVENTS} events without a pause:", *_pair(streams, STREAMS)]
    parts += ["Answers of 10 MB:", *_pair(large, LARGE)]
    parts += ["From the request to the first event, with 10 ms between events:", *_pair(first, FIRST)]
    return "\n\n".join([*parts, report.quietness([*streams, *large])])


def _pair(cells: Sequence[Cell], metrics: Sequence[Metric]) -> list[str]:
    tables = [report.absolute(cells, metrics, SUBJECTS, baseline=DIRECT)]
    if any(cell.subject == NGINX for cell in cells):
        tables += [
            "As multiples of nginx:",
            report.relative(cells, metrics, (DIRECT, GATEWAY), to=NGINX, baseline=DIRECT),
        ]
    return tables
