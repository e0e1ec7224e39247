"""Cells: one subject under one load for a few seconds, in rounds in which all take turns."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, product

from bench import patient, wrk
from bench.machine import Cores, Foreign
from bench.problems import Unmeasurable
from bench.processes import Process
from bench.tools import Tools
from bench.wrk import Load, Request

WARM_UP_S = 1
SIZE_TOLERANCE = 0.02

_first_ids = count(1_000_000_000_000, 10_000_000_000)
"""Where the numbers of each load's calls begin: none is used twice."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Something to put under load.

    process: whose CPU and memory that costs. answer_bytes: the least that a right answer has, heads included (receipts
    grow with the group that they are signed in); None where answers differ. settle: called after each load with what it
    was and how many callers made it; raises Unmeasurable. is_right: given the body of an answer and the number of its
    call; where it is set, the load is made by patient.py, which asks it of every answer. give_up: called with the
    reason when this cannot be measured, which is then left out; without it the whole run stops.
    """

    name: str
    request: Request
    process: Process
    answer_bytes: int | None = None
    settle: Callable[[Load, int], None] | None = None
    is_right: Callable[[bytes, int], bool] | None = None
    give_up: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """What came out. cpu_us: per answer. foreign_cores: CPU that went to others meanwhile; 1.0 is one whole core."""

    subject: str
    callers: int
    round: int
    answers: int
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    rss_mb: float
    foreign_cores: float
    errors: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure, with which tools, on which cores."""

    tools: Tools
    rounds: int
    seconds: int
    cores: Cores


def run(plan: Plan, subjects: Sequence[Subject], callers: Sequence[int]) -> list[Cell]:
    """Every subject with every number of callers, once per round, after a second of warming up.

    The subjects of a round follow each other directly, and another one begins each time, so that whatever else the
    machine does meets all of them alike.
    Raises Unmeasurable without wrk, and when a subject answers anything but what it should.
    """
    able = list(subjects)
    for subject in subjects:
        with _giving_up(subject, able):
            check(subject, _load(plan, subject, max(callers), WARM_UP_S), max(callers))
    cells = list(_rounds(plan, able, callers))
    return [cell for cell in cells if any(cell.subject == subject.name for subject in able)]


@contextmanager
def _giving_up(subject: Subject, able: list[Subject]) -> Iterator[None]:
    """Takes out of `able` what cannot be measured, where the others can do without it."""
    try:
        yield
    except Unmeasurable as problem:
        if subject.give_up is None:
            raise
        subject.give_up(str(problem))
        able.remove(subject)


def _rounds(plan: Plan, able: list[Subject], callers: Sequence[int]) -> Iterator[Cell]:
    for number in range(plan.rounds):
        first = number % len(able)
        turns = (*able[first:], *able[:first])
        for some, subject in product(callers, turns):
            if subject in able:
                with _giving_up(subject, able):
                    cell = _cell(plan, subject, some, number)
                    _show(cell, plan.rounds)
                    yield cell


def _cell(plan: Plan, subject: Subject, callers: int, number: int) -> Cell:
    foreign, cpu_before_s = Foreign(), subject.process.cpu_s()
    load = _load(plan, subject, callers, plan.seconds)
    cpu_s, foreign_cores = subject.process.cpu_s() - cpu_before_s, foreign.cores()
    rss_bytes = subject.process.rss_bytes()
    check(subject, load, callers)
    return Cell(
        subject=subject.name,
        callers=callers,
        round=number,
        answers=load.answers,
        per_second=load.answers / load.seconds,
        p50_ms=load.p50_ms,
        p99_ms=load.p99_ms,
        cpu_us=cpu_s / load.answers * 1e6,
        rss_mb=rss_bytes / 1e6,
        foreign_cores=foreign_cores,
        errors=load.failures,
    )


def _load(plan: Plan, subject: Subject, callers: int, seconds: int) -> Load:
    if plan.tools.wrk is None:
        raise Unmeasurable("There is no wrk on this machine, so nothing can be put under load.")
    first_id, core = next(_first_ids), plan.cores.load
    if subject.is_right is not None:
        return patient.run(
            subject.request, subject.is_right, callers=callers, seconds=seconds, first_id=first_id, core=core
        )
    return wrk.run(plan.tools.wrk, subject.request, callers=callers, seconds=seconds, first_id=first_id, core=core)


def check(subject: Subject, load: Load, callers: int) -> None:
    """A number made of wrong answers is worse than none: raises Unmeasurable."""
    what = f"{subject.name}, {callers} callers"
    refused = load.errors[wrk.NOT_2XX]
    if not load.answers:
        raise Unmeasurable(f"{what}: not one answer in {load.seconds:.1f} s; errors: {load.failures or 'none'}.")
    if refused:
        raise Unmeasurable(f"{what}: {refused} of {load.answers} answers were not 2xx.")
    if load.errors.get(wrk.WRONG):
        raise Unmeasurable(f"{what}: {load.errors[wrk.WRONG]} of {load.answers} answers were wrong.")
    expected, each = subject.answer_bytes, load.bytes / load.answers
    if expected is not None and each < expected * (1 - SIZE_TOLERANCE):
        raise Unmeasurable(f"{what}: answers of {each:.0f} bytes, and a right one has {expected}.")
    if subject.settle is not None:
        subject.settle(load, callers)


def _show(cell: Cell, rounds: int) -> None:
    errors = ", ".join(f"{count} {kind}" for kind, count in cell.errors.items())
    print(
        f"  round {cell.round + 1}/{rounds}  {cell.subject:<15} {cell.callers:>3} callers {cell.per_second:>9,.0f}/s"
        f"  p50 {cell.p50_ms:.2f} ms  p99 {cell.p99_ms:.2f} ms  {errors}".rstrip(),
        file=sys.stderr,
    )
