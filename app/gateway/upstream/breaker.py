"""Circuit breakers: an integration that keeps failing is left alone for a while, and asked again now and then.

Nothing is kept of integrations that are well, so that a call to one costs a look at an empty dictionary. Failures that
no caller can bring about (no connection) count for everybody. All others count for the caller's organisation alone:
whoever finds an input that breaks a server must not be able to close it to others. Any good answer forgets them all.
"""

import logging
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from app.gateway.upstream.address import Address
from app.gateway.upstream.problems import (
    BadAnswer,
    BrokeOff,
    ErrorStatus,
    LockedOut,
    TimedOut,
    Unreachable,
    UpstreamProblem,
)

log = logging.getLogger(__name__)

OPENS_AFTER = 5
"""Failures in a row, without a good answer between them."""
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
JITTER = 0.2
"""Pauses differ by so much up and down, so that several gateways do not ask in the same moment."""

EVERYBODY = None


@dataclass(slots=True)
class _Run:
    """Failures in a row. is_open: calls are declined, but for one at each `asks_at`."""

    failures: int = 0
    is_open: bool = False
    pause_s: float = FIRST_PAUSE_S
    asks_at: float = 0.0

    def open(self, now: float) -> None:
        self.is_open = True
        self.asks_at = now + _about(self.pause_s)

    def let_one_through(self, now: float) -> None:
        if self.is_open:
            self.pause_s = min(2 * self.pause_s, LONGEST_PAUSE_S)
            self.asks_at = now + _about(self.pause_s)

    def declines(self, now: float) -> bool:
        return self.is_open and now < self.asks_at


@dataclass(slots=True)
class _Trouble:
    """What one integration has failed at, by whom it concerns."""

    address: Address
    runs: dict[UUID | None, _Run] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        return any(run.is_open for run in self.runs.values())


class Breakers:
    """All of one gateway's. Belongs to the event loop; kept in memory only, so each process finds out by itself."""

    def __init__(
        self,
        *,
        on_open: Callable[[str], None],
        on_decline: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """on_open, on_decline: told the integration's slug, for the metrics."""
        self._on_open = on_open
        self._on_decline = on_decline
        self._clock = clock
        self._troubles: dict[str, _Trouble] = {}

    @property
    def is_quiet(self) -> bool:
        """Whether no integration has failed lately: every call may be made."""
        return not self._troubles

    @property
    def open_count(self) -> int:
        """Integrations that somebody's calls are being declined of at this moment."""
        now = self._clock()
        return sum(any(run.declines(now) for run in trouble.runs.values()) for trouble in self._troubles.values())

    def wait_s(self, slug: str, address: Address, organisation_id: UUID) -> int:
        """Whole seconds until the integration is asked again: the call is to be declined. 0: make the call.

        Of an integration that is left alone, the first call after each pause is told 0, and the next pause is longer.
        """
        if not self._troubles:
            return 0
        trouble = self._troubles.get(slug)
        if trouble is None:
            return 0
        if trouble.address != address:
            self._forget(slug, "moved")
            return 0
        now = self._clock()
        runs = [run for scope in (EVERYBODY, organisation_id) if (run := trouble.runs.get(scope)) is not None]
        asks_at = max((run.asks_at for run in runs if run.is_open), default=now)
        if asks_at > now:
            self._on_decline(slug)
            return math.ceil(asks_at - now)
        for run in runs:
            run.let_one_through(now)
        return 0

    def succeeded(self, slug: str) -> None:
        """It gave a good answer."""
        if self._troubles:
            self._forget(slug, "answered")

    def answering(self, slug: str) -> None:
        """It has begun a stream: enough to leave it alone no longer, not enough to forget failures before the end."""
        trouble = self._troubles.get(slug)
        if trouble is not None and trouble.is_open:
            self._forget(slug, "answering")

    def heard(self, slug: str, address: Address, organisation_id: UUID, problem: UpstreamProblem) -> None:
        """It did not give a good answer; whether that counts is decided by the kind of problem."""
        if isinstance(problem, Unreachable):
            self._count(slug, address, EVERYBODY, problem)
        elif isinstance(problem, TimedOut | BrokeOff | BadAnswer) or _is_5xx(problem):
            self._count(slug, address, organisation_id, problem)
        elif isinstance(problem, ErrorStatus | LockedOut):
            self.succeeded(slug)  # it is there, and said no

    def _count(self, slug: str, address: Address, scope: UUID | None, problem: UpstreamProblem) -> None:
        trouble = self._troubles.get(slug)
        if trouble is None or trouble.address != address:
            trouble = self._troubles[slug] = _Trouble(address)
        run = trouble.runs.setdefault(scope, _Run())
        run.failures += 1
        if run.failures >= OPENS_AFTER and not run.is_open:
            run.open(self._clock())
            self._on_open(slug)
            extra = {"integration": slug, "failures": run.failures, "why": str(problem)}
            log.warning("breaker.opened", extra={**extra, "organisation_id": scope})

    def _forget(self, slug: str, why: str) -> None:
        trouble = self._troubles.pop(slug, None)
        if trouble is not None and trouble.is_open:
            log.info("breaker.closed", extra={"integration": slug, "why": why})


def _is_5xx(problem: UpstreamProblem) -> bool:
    return isinstance(problem, ErrorStatus) and problem.status >= 500


def _about(seconds: float) -> float:
    return seconds * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  (no secret)
