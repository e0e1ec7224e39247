"""The portal's main pages: how many per second, how soon, at what CPU, and what a first visit weighs."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import fetch, measure, report, visit, world
from bench.measure import Cell, Plan, Subject
from bench.processes import Process, running
from bench.report import Metric, Section
from bench.visit import Visit
from bench.world import World
from bench.wrk import Request

ROOT = Path(__file__).parents[1]
CALLERS = (1, 16)
NOWHERE = "http://127.0.0.1:9/mcp"


@dataclass(frozen=True, slots=True)
class Page:
    """A page by the name that the tables give it."""

    name: str
    path: str
    is_signed_in: bool


PAGES = (
    Page("landing", "/", is_signed_in=False),
    Page("sign-in", "/sign-in", is_signed_in=False),
    Page("home", "/home/", is_signed_in=True),
    Page(f"keys ({world.KEYS})", "/keys/", is_signed_in=True),
    Page(f"usage ({world.DAYS} days)", "/usage/", is_signed_in=True),
)

METRICS = (
    Metric("pages/s", lambda cell, _: cell.per_second, "{:,.0f}".format),
    Metric("p50 ms", lambda cell, _: cell.p50_ms, "{:.2f}".format),
    Metric("p99 ms", lambda cell, _: cell.p99_ms, "{:.2f}".format),
    Metric("CPU ms/page", lambda cell, _: cell.cpu_us / 1000, "{:.2f}".format),
    Metric("RSS MB", lambda cell, _: cell.rss_mb, "{:.0f}".format),
)


def run(plan: Plan, folder: Path) -> Section:
    """Without wrk only what the pages weigh. Raises Unmeasurable when a page does not come, or not with 200."""
    with ExitStack() as stack:
        place = world.create(folder, upstream_url=NOWHERE)
        stack.callback(place.engine.dispose)
        process, address = stack.enter_context(portal(place, folder, plan.cores.measured))
        visits = {page.name: visit.first(address + page.path, _headers(page, place)) for page in PAGES}
        subjects = [_subject(page, process, address, place) for page in PAGES]
        cells = measure.run(plan, subjects, CALLERS) if plan.tools.wrk else []
        return Section("portal", "Pages of the portal", tables(cells, visits), {"cells": cells, "visits": visits})


def tables(cells: Sequence[Cell], visits: Mapping[str, Visit]) -> str:
    """Two tables: the pages under load, and a first visit to each."""
    weights = [
        [name, *(f"{number:,}" for number in (found.html, found.html_packed, found.wire, found.requests))]
        for name, found in visits.items()
    ]
    header = ["first visit", "HTML bytes", "gzip", "all on the wire", "requests"]
    parts = [report.table(header, weights)]
    if cells:
        names = [page.name for page in PAGES]
        parts = [report.absolute(cells, METRICS, names), *parts, report.quietness(cells)]
    return "\n\n".join(parts)


@contextmanager
def portal(place: World, folder: Path, core: int | None) -> Iterator[tuple[Process, str]]:
    """A running portal and its address."""
    address = f"http://127.0.0.1:{place.portal_port}"
    host = {"Host": world.PORTAL_HOST}
    with running(
        "portal",
        [sys.executable, "-m", "gunicorn", "-c", "python:app.web.gunicorn", "app.portal:create_app()"],
        folder=folder,
        environment=place.environment,
        cwd=ROOT,
        core=core,
        is_ready=lambda: fetch.answers(f"{address}/readyz", host),
    ) as process:
        yield process, address


def _headers(page: Page, place: World) -> Mapping[str, str]:
    """As a browser sends them that follows a link within the portal."""
    signed_in = {"Cookie": place.cookie} if page.is_signed_in else {}
    return {"Host": world.PORTAL_HOST, "Accept": "text/html", "Sec-Fetch-Site": "same-origin", **signed_in}


def _subject(page: Page, process: Process, address: str, place: World) -> Subject:
    headers = {**_headers(page, place), "Accept-Encoding": "gzip"}
    return Subject(page.name, Request(url=address + page.path, headers=headers), process)
