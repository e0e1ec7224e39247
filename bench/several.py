"""Several gateway processes on one port and one database: what a second, third and fourth bring, on each database."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from bench import calls, machine, measure, nginx, report, targets, world
from bench.ledger import Ledger
from bench.measure import Cell, Plan, Subject
from bench.report import Metric, Section
from tests import databases

WORKERS = (1, 4)
CALLERS = 64
DATABASE = "postern_bench"

METRICS = (
    Metric("calls/s", lambda cell, _: cell.per_second, "{:,.0f}".format),
    Metric("p50 ms", lambda cell, _: cell.p50_ms, "{:.2f}".format),
    Metric("p99 ms", lambda cell, _: cell.p99_ms, "{:.2f}".format),
    Metric("CPU µs/call", lambda cell, _: cell.cpu_us, "{:.1f}".format),
    Metric("RSS MB", lambda cell, _: cell.rss_mb, "{:.0f}".format),
)
NOTE = (
    "Not pinned: gateways, upstream and load share all cores, so this says whether several get in each other's way,\n"
    "not how fast they are on a machine of their own. CPU of the database server is not counted."
)


def run(plan: Plan, folder: Path) -> Section:
    """Raises Unmeasurable when anything answers wrong, or a ledger disagrees with what callers got."""
    plan = replace(plan, cores=replace(plan.cores, measured=None, load=None))
    with ExitStack() as stack:
        _, upstream_url = stack.enter_context(nginx.upstream(plan.tools, name="upstream", folder=folder, core=None))
        subjects, sentences = [], []
        for kind in ("SQLite", "PostgreSQL"):
            for workers in WORKERS:
                name = f"{kind}, {workers}"
                subject, ledger = stack.enter_context(_gateways(kind, workers, folder / name, upstream_url))
                subjects.append(replace(subject, name=name, settle=ledger.settle))
                sentences.append((name, ledger))
        cells = measure.run(plan, subjects, (CALLERS,))
        notes = [f"{name}: {ledger.sentence()}" for name, ledger in sentences]
        names = [subject.name for subject in subjects]
        return Section("several", "Several gateways at once", _tables(cells, names, notes), {"cells": cells})


def _tables(cells: Sequence[Cell], names: Sequence[str], notes: Sequence[str]) -> str:
    return "\n\n".join([report.absolute(cells, METRICS, names), NOTE, *notes, report.quietness(cells)])


@contextmanager
def _gateways(kind: str, workers: int, folder: Path, upstream_url: str) -> Iterator[tuple[Subject, Ledger]]:
    folder.mkdir()
    settings = {
        "POSTERN_GATEWAY_WORKERS": str(workers),
        "POSTERN_GATEWAY_METRICS_PORT": str(machine.free_port(workers)),
    }
    with ExitStack() as stack:
        url = ""
        if kind == "PostgreSQL":
            url = stack.enter_context(databases.postgres_database(f"{DATABASE}_{workers}"))
        place = world.create(folder, upstream_url=upstream_url, database_url=url)
        stack.callback(place.engine.dispose)
        target = stack.enter_context(targets.gateway(place, folder, None, settings))
        request = calls.request(target.url, place.key, calls.MODERN)
        size = calls.called(target.name, request).wire_bytes
        yield Subject(target.name, request, target.process, answer_bytes=size), Ledger(place)
