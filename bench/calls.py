"""The gateway beside a plain nginx, both in front of the same upstream, and the upstream by itself."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench import fetch, measure, report, targets
from bench.ledger import Ledger
from bench.measure import Cell, Plan, Subject
from bench.problems import Unmeasurable
from bench.report import Metric, Section
from bench.targets import DIRECT, GATEWAY, NGINX, Target
from bench.world import World
from bench.wrk import ID, Request

CALLERS = (1, 16, 64)
MODERN, HANDSHAKE = "2026-07-28", "2025-11-25"
NUMBER = 7_000_000_000_000
WORDS = "hello there, this is an echo of some words"
STAND_IN = "The upstream was the plain Python one, for want of Lua in nginx: with many callers it may be what is slow."

ADDED = Metric("added p50 ms", lambda cell, direct: cell.p50_ms - direct.p50_ms if direct else None, "{:.2f}".format)
COMPARED = (
    Metric("calls/s", lambda cell, _: cell.per_second, "{:,.0f}".format),
    Metric("p50 ms", lambda cell, _: cell.p50_ms, "{:.2f}".format),
    Metric("p99 ms", lambda cell, _: cell.p99_ms, "{:.2f}".format),
    ADDED,
    Metric("CPU µs/call", lambda cell, _: cell.cpu_us, "{:.1f}".format),
    Metric("RSS MB", lambda cell, _: cell.rss_mb, "{:.0f}".format),
)
OF_ITS_CORE = Metric("of its core", lambda cell, _: cell.cpu_us * cell.per_second / 1e6, "{:.0%}".format)


def run(plan: Plan, folder: Path) -> Section:
    """Raises Unmeasurable when anything answers wrong, or the ledger disagrees with what callers got."""
    with targets.beside_each_other(plan, folder) as (place, found):
        subjects = [subject(target, place) for target in found]
        _must_refuse_strangers(subjects[-1].request)
        ledger = Ledger(place)
        subjects[-1] = replace(subjects[-1], settle=ledger.settle)
        cells = measure.run(plan, subjects, CALLERS)
        notes = [ledger.sentence()] if plan.tools.lua_modules else [ledger.sentence(), STAND_IN]
        numbers = {"cells": cells, "notes": notes}
        return Section("gateway", "Calls through the gateway", tables(cells, notes), numbers)


def request(url: str, key: str, revision: str, *, tool: str = "echo") -> Request:
    """A `tools/call` as a client of that revision of the protocol sends it."""
    params: dict[str, object] = {"name": tool, "arguments": {"text": WORDS}}
    headers = {
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": revision,
    }
    if revision == MODERN:
        headers |= {"Mcp-Method": "tools/call", "Mcp-Name": tool}
        prefix = "io.modelcontextprotocol"
        params["_meta"] = {
            f"{prefix}/protocolVersion": revision,
            f"{prefix}/clientCapabilities": {},
            f"{prefix}/clientInfo": {"name": "bench", "version": "1"},
        }
    message = {"jsonrpc": "2.0", "id": ID, "method": "tools/call", "params": params}
    body = json.dumps(message, separators=(",", ":")).replace(f'"{ID}"', ID)  # the id is a number
    return Request(url=url, headers=headers, body=body)


def subject(target: Target, place: World) -> Subject:
    """Checked with one call in each era; the load is made of modern ones, which stand alone without a handshake."""
    name, url = target.name, target.url
    sizes = {revision: called(name, request(url, place.key, revision)).wire_bytes for revision in (HANDSHAKE, MODERN)}
    return Subject(name, request(url, place.key, MODERN), target.process, answer_bytes=sizes[MODERN])


def called(name: str, one: Request) -> fetch.Answer:
    """One call, which must bring back what the upstream says."""
    answer = answer_to(name, one, NUMBER)
    if not is_right(answer.body, NUMBER):
        raise Unmeasurable(f"{name} answers a right call with {answer.status}: {answer.body[:500]!r}")
    return answer


def answer_to(name: str, one: Request, number: int = NUMBER) -> fetch.Answer:
    """One call, which must bring back something. Raises Unmeasurable."""
    try:
        answer = fetch.send(one.url, one.headers, (one.body or "").replace(ID, str(number)))
    except OSError as problem:
        raise Unmeasurable(f"{name} does not answer: {problem}") from problem
    if answer.status != 200:
        raise Unmeasurable(f"{name} answers a right call with {answer.status}: {answer.body[:500]!r}")
    return answer


def is_right(body: bytes, number: int) -> bool:
    """Whether it is the upstream's answer to call `number`, as JSON."""
    try:
        message = json.loads(body)
        return bool(message["id"] == number and message["result"]["content"][0]["text"] == WORDS)
    except (ValueError, KeyError, TypeError, IndexError):
        return False


def _must_refuse_strangers(right: Request) -> None:
    """A gateway that lets anybody in would be measured without its work."""
    answer = fetch.send(right.url, {**right.headers, "Authorization": "Bearer nobody"}, right.body)
    if answer.status != 401:
        raise Unmeasurable(f"The gateway answers a wrong key with {answer.status}: {answer.body[:500]!r}")


def tables(cells: Sequence[Cell], notes: Sequence[str]) -> str:
    """Two tables, absolute and as ratios to nginx, and what must be known to believe them."""
    subjects = (DIRECT, NGINX, GATEWAY)
    parts = [report.absolute(cells, [*COMPARED, OF_ITS_CORE], subjects, baseline=DIRECT)]
    if any(cell.subject == NGINX for cell in cells):
        parts += ["As multiples of nginx:"]
        parts += [report.relative(cells, COMPARED, (DIRECT, GATEWAY), to=NGINX, baseline=DIRECT)]
    return "\n\n".join([*parts, *notes, report.quietness(cells)])
