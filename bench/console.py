"""The console at size: pages of the largest of 1,000 organisations with ten million calls in the ledger, and with
100 times fewer, on both databases; and whether the portal stays as small as it was over 10,000 pages.
"""

import http.client
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
from psycopg import sql
from sqlalchemy import insert
from sqlmodel import Session, select

from app.core import clock, crypto
from app.integrations.models import Integration
from app.keys.models import Key
from app.metering import figures, selection
from app.organisations.models import Organisation
from app.plans import queries
from app.plans import services as plans
from bench import crowd, pages, report, world
from bench.crowd import Owner
from bench.measure import Plan
from bench.problems import Unmeasurable
from bench.processes import Process
from bench.report import Section
from bench.world import World
from tests.plans import catalogues

CATALOGUE = 'currencies = ["usd"]\n' + catalogues.FREE + catalogues.by_use('usd.calls = { each = "0.0025" }')
MANY, FEW = 10_000_000, 100_000
TIMES = 21
PAGES_IN_A_ROW = 10_000
SERVER = "postgresql://postgres@127.0.0.1:5432/postgres"
PATHS = {
    "home": "/home/",
    "usage, 30 days": "/usage/",
    "usage, 90 days by tool": "/usage/?period=90d&by=tool",
    "usage, p95 of 24 h by key": "/usage/?period=24h&by=key&show=p95",
    "usage, failed calls by error": "/usage/?by=error&status=failed",
    "usage as JSON": "/usage/usage.json?by=tool",
    "usage, 30 days by key": "/usage/?by=key&show=spend",
    "usage, today by tool": "/usage/?period=today&by=tool",
    "one key's calls by tool": "/usage/?by=tool&key={key}",
    "calls": "/usage/calls/",
    "failed calls of one key": "/usage/calls/?period=90d&status=failed&key={key}",
    "keys": "/keys/",
    "keys by spend": "/keys/?sort=-spend",
    "one key": "/keys/{key}/",
    "billing": "/billing/",
    "statement of the month": "/billing/months/{month}",
    "audit log": "/audit/",
}
"""key: one of its keys; month: this one."""


@dataclass(frozen=True, slots=True)
class Took:
    """median_ms: from asking to the last byte. cpu_ms: of the portal for each page, which suffers less from what else
    the machine does; that of PostgreSQL's server is not in it.
    """

    median_ms: float
    cpu_ms: float


def run(plan: Plan, folder: Path) -> Section:
    """PostgreSQL is left out where none answers on this machine."""
    is_quick = plan.rounds == 1
    sizes = (FEW,) if is_quick else (FEW, MANY)
    found: dict[str, dict[str, Took]] = {}
    memory = ""
    for size in sizes:
        for kind in ("SQLite", "PostgreSQL"):
            name = f"{kind}, {size:,} calls"
            place_folder = folder / name.replace(" ", "").replace(",", "-")
            place_folder.mkdir()
            with (
                _database(kind) as url,
                _world(place_folder, url, size) as place,
                pages.portal(place, place_folder, plan.cores.measured) as (process, address),
            ):
                paths = _paths(place)
                found[name] = {page: _took(process, address, path, place) for page, path in paths.items()}
                if not memory:
                    memory = _memory(process, address, place, 200 if is_quick else PAGES_IN_A_ROW)
    lines = [[page, *(f"{of[page].median_ms:.1f} ({of[page].cpu_ms:.1f})" for of in found.values())] for page in PATHS]
    table = report.table(["page, ms at the median (CPU of the portal)", *found], lines)
    return Section("console", "The console at size", f"{table}\n\n{memory}", found)


def _paths(place: World) -> dict[str, str]:
    with Session(place.engine) as session:
        key_id = session.exec(select(Key.id).where(Key.digest == crypto.digest(place.key))).one()
    return {page: path.format(key=key_id, month=f"{clock.now():%Y-%m}") for page, path in PATHS.items()}


@contextmanager
def _database(kind: str) -> Iterator[str]:
    """ "" for a SQLite file; it goes with its folder. Raises Unmeasurable without PostgreSQL."""
    if kind == "SQLite":
        yield ""
        return
    name = f"postern_bench_{uuid4().hex[:8]}"
    try:
        server = psycopg.connect(SERVER, autocommit=True)
    except psycopg.OperationalError as problem:
        raise Unmeasurable(f"No PostgreSQL answers at {SERVER}.") from problem
    with server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield SERVER.removesuffix("postgres") + name
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def _world(folder: Path, url: str, calls: int) -> Iterator[World]:
    place = world.create(folder, upstream_url=pages.NOWHERE, database_url=url, has_calls=False)
    began = time.monotonic()
    try:
        owners, version_id = _owners(place)
        crowd.fill(place.engine, owners, calls, version_id=version_id, now=clock.now())
        print(f"  {calls:,} calls put in within {time.monotonic() - began:.0f} s", file=sys.stderr)
        yield place
    finally:
        place.engine.dispose()
        for file in folder.glob("postern.db*"):
            file.unlink()


def _owners(place: World) -> tuple[Sequence[Owner], UUID]:
    """The signed-in person's organisation, and others beside it; and the price by which they are charged."""
    now = clock.now()
    with Session(place.engine) as session:
        mine = session.exec(select(Organisation)).one()
        integration = session.exec(select(Integration.id)).one()
        keys = session.exec(select(Key.id).where(Key.organisation_id == mine.id)).all()
        others = [Owner(uuid4(), [uuid4() for _ in range(3)], integration) for _ in range(crowd.ORGANISATIONS - 1)]
        organisations = [_organisation(owner.organisation_id, number, now) for number, owner in enumerate(others)]
        session.execute(insert(Organisation), organisations)
        session.execute(insert(Key), [_key(owner.organisation_id, key, now) for owner in others for key in owner.keys])
        began = now - timedelta(days=crowd.DAYS + 1)
        catalogues.apply(session, CATALOGUE, now=began)
        choice = catalogues.choice(session, "payg", now=began)
        plans.subscribe(session, organisation=mine, choice=choice, now=began)
        [version] = queries.prices_of(session, [choice.offer.version.id], currency="usd")
        session.commit()
        return [Owner(mine.id, list(keys), integration), *others], version.id


def _organisation(organisation_id: UUID, number: int, now: object) -> dict[str, object]:
    return {"id": organisation_id, "slug": f"crowd-{number}", "name": f"Crowd {number}", "created_at": now}


def _key(organisation_id: UUID, key_id: UUID, now: object) -> dict[str, object]:
    said = {"name": "ci", "environment": "live", "prefix": "pst_live_x", "last_four": "xxxx", "created_at": now}
    return {"id": key_id, "organisation_id": organisation_id, "digest": key_id.hex * 2, **said}


def _took(process: Process, address: str, path: str, place: World) -> Took:
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=60)
    for _ in range(3):  # what is made once is made
        _get(connection, path, place)
    took, cpu_s = [], process.cpu_s()
    for _ in range(TIMES):
        began = time.perf_counter()
        _get(connection, path, place)
        took.append(1000 * (time.perf_counter() - began))
    cpu_s = process.cpu_s() - cpu_s
    connection.close()
    return Took(statistics.median(took), 1000 * cpu_s / TIMES)


def _memory(process: Process, address: str, place: World, count: int) -> str:
    """Resident memory after each tenth of so many pages, hardly two of them alike."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=60)
    sizes = []
    for number in range(count):
        _get(connection, _another(number), place)
        if (number + 1) % (count // 10) == 0:
            sizes.append(f"{process.rss_bytes() / 1e6:.1f}")
    connection.close()
    return f"Resident memory of the portal in MB after each tenth of {count:,} different pages: {', '.join(sizes)}."


def _another(number: int) -> str:
    """Periods, splits, filters, words and places that are never quite the same."""
    by = list(selection.WORDS)[number % len(selection.WORDS)]
    show = list(figures.METRICS)[number // 3 % len(figures.METRICS)]
    last = clock.now() - timedelta(hours=number % 1_000)
    first = last - timedelta(hours=number % 71 + 1)
    period = f"period=custom&from={first:%Y-%m-%dT%H}&to={last:%Y-%m-%dT%H}"
    pages_ = (
        "/home/",
        f"/usage/?{period}&by={by}&show={show}",
        f"/usage/usage.json?{period}&by={by}&show={show}",
        f"/usage/calls/?{period}&error=class-{number}",
        f"/keys/?q=word-{number}&sort=-spend",
        f"/audit/?text=word-{number}",
        "/billing/",
    )
    return pages_[number % len(pages_)]


def _get(connection: http.client.HTTPConnection, path: str, place: World) -> None:
    host = {"Host": world.PORTAL_HOST, "Cookie": place.cookie, "Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
    connection.request("GET", path, headers=host)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise Unmeasurable(f"{path} answered {answer.status}.")
