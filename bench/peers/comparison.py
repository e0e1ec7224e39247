"""The part `peers`: other gateways, nginx and ours in front of the same upstream, in one interleaved run."""

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from bench import calls, fetch, measure, nginx, report, targets
from bench.ledger import Ledger
from bench.measure import Cell, Plan, Subject
from bench.peers.gateways import PEERS, Peer, Place
from bench.problems import Unmeasurable
from bench.report import Section
from bench.targets import DIRECT, GATEWAY, NGINX
from bench.wrk import Request

TITLE = "Beside other gateways"
SECONDS = 2
"""At most, per cell: what is asked until then is waited for."""

SPEED, CPU = (next(one for one in calls.COMPARED if one.title == title) for title in ("calls/s", "CPU µs/call"))


def run(plan: Plan, folder: Path) -> Section:
    """What cannot be installed or started, or answers wrong, is left out, with the reason; so may all of them be.

    Raises Unmeasurable when nginx or the gateway cannot be measured.
    """
    plan = replace(plan, seconds=min(plan.seconds, SECONDS))
    skipped: dict[str, str] = {}
    with ExitStack() as stack:
        core = plan.cores.load
        _, upstream_url = stack.enter_context(nginx.upstream(plan.tools, name="behind-peers", folder=folder, core=core))
        peers = started(stack, PEERS, Place(upstream_url, folder, plan.cores.measured), skipped)
        if not peers:
            notes = reasons(skipped)
            return Section("peers", TITLE, "\n\n".join(notes), {"cells": [], "skipped": skipped, "notes": notes})
        place, found = stack.enter_context(targets.beside_each_other(plan, folder))
        subjects = [calls.subject(target, place) for target in found]
        ledger = Ledger(place)
        subjects[-1] = replace(subjects[-1], settle=ledger.settle)
        cells = measure.run(plan, [*subjects, *peers], calls.CALLERS)
        versions = {peer.name: peer.version for peer in PEERS if peer.name not in skipped}
        notes = [_made_of(versions), *reasons(skipped), ledger.sentence()]
        numbers = {"cells": cells, "versions": versions, "skipped": skipped, "notes": notes}
        return Section("peers", TITLE, tables(cells, notes), numbers)


def started(stack: ExitStack, peers: Sequence[Peer], place: Place, skipped: dict[str, str]) -> list[Subject]:
    """Those that could be started and do their work; for the others the reason is put into `skipped`, by name."""
    subjects = []
    for peer in peers:
        try:
            with ExitStack() as its_own:
                subjects.append(_subject(its_own, peer, place, skipped))
                stack.enter_context(its_own.pop_all())
        except (Unmeasurable, OSError) as problem:
            _skip(peer.name, str(problem), skipped)
    return subjects


def reasons(skipped: Mapping[str, str]) -> list[str]:
    """A sentence for each that is left out."""
    return [f"{name} is left out. {reason.splitlines()[0]}" for name, reason in skipped.items()]


def tables(cells: Sequence[Cell], notes: Sequence[str]) -> str:
    """Two tables, absolute and as ratios to nginx; how far the gateway is from the best peer; what must be known."""
    names = [peer.name for peer in PEERS]
    parts = [report.absolute(cells, calls.COMPARED, (DIRECT, NGINX, GATEWAY, *names), baseline=DIRECT)]
    if any(cell.subject == NGINX for cell in cells):
        metrics = [metric for metric in calls.COMPARED if metric is not calls.ADDED]
        parts += ["As multiples of nginx:", report.relative(cells, metrics, (GATEWAY, *names), to=NGINX)]
    return "\n\n".join([*parts, lead(cells), *notes, report.quietness(cells)])


def lead(cells: Sequence[Cell]) -> str:
    """How many times the calls per second of the best peer there are, and at what CPU, by number of callers."""
    names = {peer.name for peer in PEERS}
    speeds = {place: speed for place, speed in report.medians(cells, SPEED).items() if place[1] in names}
    lines = ["Beside the best peer:", ""]
    for callers in sorted({place[0] for place in speeds}):
        best = max((place for place in speeds if place[0] == callers), key=lambda place: speeds[place])[1]
        faster = report.ratios(cells, SPEED, to=best)[callers, GATEWAY]
        cost = report.ratios(cells, CPU, to=best)[callers, GATEWAY]
        lines.append(
            f"- with {callers} caller{'s' * (callers > 1)}, the gateway is {faster:,.0f} times “{best}” in calls per "
            f"second, at 1/{1 / cost:,.0f} of the CPU per call"
        )
    return "\n".join(lines)


def is_right(body: bytes, number: int) -> bool:
    """Whether it answers call `number` with what the upstream says: as JSON, or as an event that carries that."""
    return calls.is_right(_message(body), number)


def _message(body: bytes) -> bytes:
    if not body.startswith((b"event:", b"data:", b"id:", b":")):
        return body
    lines = [line.removeprefix(b"data:").strip() for line in body.splitlines() if line.startswith(b"data:")]
    return lines[-1] if lines else b""


def _subject(stack: ExitStack, peer: Peer, place: Place, skipped: dict[str, str]) -> Subject:
    folder = place.folder / peer.name.replace(", ", "-").replace(" ", "-")
    folder.mkdir()
    process, request = stack.enter_context(peer.started(replace(place, folder=folder)))
    body = calls.answer_to(peer.name, request).body
    if not is_right(body, calls.NUMBER):
        raise Unmeasurable(f"It answers a right call with {body[:300]!r}")
    _must_refuse_strangers(request)
    return Subject(
        peer.name,
        request,
        process,
        is_right=is_right,
        give_up=lambda reason: _skip(peer.name, reason, skipped),
    )


def _must_refuse_strangers(right: Request) -> None:
    """With any 4xx: LiteLLM, which looks for other keys in the database that it has not, says 400."""
    answer = fetch.send(right.url, {**right.headers, "Authorization": "Bearer nobody"}, right.body)
    if not 400 <= answer.status <= 499:
        raise Unmeasurable(f"It answers a wrong key with {answer.status}: {answer.body[:300]!r}")


def _skip(name: str, reason: str, skipped: dict[str, str]) -> None:
    skipped[name] = reason
    print(f"  {name} is left out. {reason}", file=sys.stderr)


def _made_of(versions: Mapping[str, str]) -> str:
    return "Versions: " + json.dumps(versions).strip("{}").replace('"', "") + "."
