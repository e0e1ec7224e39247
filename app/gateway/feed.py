"""Keeps the policy fresh: a thread that asks the change feed five times a second, and at once when somebody wants it.

Versions of the feed come without gaps (app/core/changes.py), so a poll that finds nothing new costs one row, and what a
poll has seen is complete. docs/adr/0005 says why this and not a message bus.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from math import inf
from time import monotonic

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from app.core import changes
from app.core.vault import Vault
from app.gateway.policy import Policy
from app.gateway.tariff import Tariff
from app.integrations import catalogue, routes
from app.keys import grants

log = logging.getLogger(__name__)

EVERY_S = 0.2
AT_MOST_EVERY_S = 0.01
PAGE = 1_000


class Feed:
    """`age_s` and `catch_up` are for the event loop; everything else happens in the thread.

    vault: opens the credentials of integrations. tariff: rules and prices, kept fresh like the policy. on_change:
    called on the event loop after any of it has changed.
    """

    def __init__(
        self,
        engine: Engine,
        policy: Policy,
        vault: Vault,
        *,
        tariff: Tariff,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._engine = engine
        self._vault = vault
        self._policy = policy
        self._tariff = tariff
        self._on_change = on_change
        self._version: int | None = None
        self._fresh_at = -inf
        self._is_failing = False
        self._waiting: list[asyncio.Future[None]] = []
        self._lock = threading.Lock()
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin; `catch_up` belongs to `loop`."""
        self._loop = loop
        self._thread.start()

    def stop(self, *, timeout_s: float) -> None:
        """End the thread; blocks for at most timeout_s seconds."""
        self._stopping.set()
        self._wanted.set()
        self._thread.join(timeout_s)

    @property
    def age_s(self) -> float:
        """Everything committed longer ago than this is known; infinite before the first load."""
        return monotonic() - self._fresh_at

    async def catch_up(self, *, timeout_s: float) -> bool:
        """Ask at once; gives, after timeout_s at the latest, whether all that was committed before now is known."""
        asked_at = monotonic()
        caught_up: asyncio.Future[None] = self._loop.create_future()
        with self._lock:
            self._waiting.append(caught_up)
        self._wanted.set()
        await asyncio.wait([caught_up], timeout=timeout_s)
        return self._fresh_at >= asked_at

    def _run(self) -> None:
        while not self._stopping.is_set():
            with self._lock:
                waiting, self._waiting = self._waiting, []
            before = self._version
            self._poll()
            if self._version != before and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._on_change)
            if waiting and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(_release, waiting)
            self._stopping.wait(AT_MOST_EVERY_S)
            self._wanted.wait(EVERY_S - AT_MOST_EVERY_S)
            self._wanted.clear()

    def _poll(self) -> None:
        began_at = monotonic()
        try:
            with Session(self._engine) as session:
                self._read(session)
        except SQLAlchemyError as problem:
            if not self._is_failing:
                log.error("policy.failing", extra={"error": str(problem).splitlines()[0]})
            self._is_failing = True
            return
        if self._is_failing:
            log.info("policy.recovered")
        self._is_failing = False
        self._fresh_at = began_at

    def _read(self, session: Session) -> None:
        newest = changes.newest(session)
        if self._version is None or newest < self._version:
            self._read_everything(session, newest)
        while self._version is not None and self._version < newest:
            page = changes.since(session, self._version, limit=PAGE)
            if not page or page[0].version != self._version + 1:  # older changes have been cleared away
                self._read_everything(session, newest)
                return
            self._apply(session, page)
            self._version = self._policy.version = page[-1].version

    def _read_everything(self, session: Session, newest: int) -> None:
        """newest: read before the rest, so that what changes meanwhile is seen again by the next poll."""
        self._policy.replace(
            keys=grants.every(session),
            routes=routes.every(session, self._vault),
            installed=routes.installed(session),
            catalogues=catalogue.every(session),
        )
        self._tariff.read_everything(session)
        self._version = self._policy.version = newest
        log.info("policy.loaded", extra={"version": newest, "keys": len(self._policy.live)})

    def _apply(self, session: Session, page: list[changes.Change]) -> None:
        key_ids = {change.subject_id for change in page if change.kind == "key"}
        keys = grants.among(session, key_ids)
        self._policy.put_keys(keys)
        self._policy.drop_keys(key_ids - {key.grant.key_id for key in keys})
        organisation_ids = {change.subject_id for change in page if change.kind == "organisation"}
        if organisation_ids:
            self._policy.put_keys(grants.of_organisations(session, organisation_ids))
        integration_ids = {change.subject_id for change in page if change.kind == "integration"}
        found = routes.among(session, integration_ids, self._vault)
        self._policy.put_routes(found)
        self._policy.drop_routes(integration_ids - {route.integration_id for route in found})
        organisation_ids = {change.subject_id for change in page if change.kind == "installation"}
        if organisation_ids:
            self._policy.put_installed(routes.installed(session, organisation_ids))
        integration_ids |= {change.subject_id for change in page if change.kind == "tool"}
        self._policy.put_catalogues(catalogue.among(session, integration_ids))
        self._tariff.apply(session, page)


def _release(waiting: list[asyncio.Future[None]]) -> None:
    for caught_up in waiting:
        if not caught_up.done():
            caught_up.set_result(None)
