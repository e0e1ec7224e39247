"""From cells to tables: medians over the rounds, and ratios within each round. Nothing here touches the machine."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bench.measure import Cell

NOISY_CORES = 0.08
"""With more of a core in others' hands, numbers are preliminary."""

HOW_TO_READ = (
    "Medians over the rounds; ratios are taken within each round. What is measured has one core to itself, the load\n"
    "and the upstream have the other: all numbers are per core. How it is done: [README](../README.md)."
)

Place = tuple[int, str]
"""A line of a table: callers and subject."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A column. value: of a cell, beside the baseline's cell of the same round (None where there is no baseline)."""

    title: str
    value: Callable[[Cell, Cell | None], float | None]
    text: Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a report. text: its tables in Markdown. numbers: what they were made of, for programs."""

    name: str
    title: str
    text: str
    numbers: object


def page(at: datetime, commit: str, facts: Mapping[str, object], sections: Sequence[Section]) -> str:
    """The whole report in Markdown."""
    parts = [f"# Benchmark of {at:%Y-%m-%d %H:%M} UTC, commit {commit}", HOW_TO_READ]
    parts += [f"## {section.title}\n\n{section.text}" for section in sections]
    parts += ["## Measured on\n\n" + "\n".join(f"- {name}: {value}" for name, value in facts.items())]
    return "\n\n".join(parts) + "\n"


def medians(cells: Sequence[Cell], metric: Metric, *, baseline: str = "") -> dict[Place, float]:
    """The median of `metric` over the rounds."""
    return _over_rounds(cells, lambda cell, peers: metric.value(cell, peers.get(baseline)))


def ratios(cells: Sequence[Cell], metric: Metric, *, to: str, baseline: str = "") -> dict[Place, float]:
    """`metric` as a multiple of that of the subject `to`: of each round, then the median. Empty without `to`."""

    def ratio(cell: Cell, peers: Mapping[str, Cell]) -> float | None:
        if to not in peers:
            return None
        own, its = (metric.value(one, peers.get(baseline)) for one in (cell, peers[to]))
        return own / its if own is not None and its is not None and its > 0 else None

    return _over_rounds(cells, ratio)


def _over_rounds(
    cells: Sequence[Cell], value: Callable[[Cell, Mapping[str, Cell]], float | None]
) -> dict[Place, float]:
    """peers, for `value`: what was measured in the same round with as many callers, by subject."""
    peers: dict[tuple[int, int], dict[str, Cell]] = {}
    for cell in cells:
        peers.setdefault((cell.round, cell.callers), {})[cell.subject] = cell
    found: dict[Place, list[float]] = {}
    for cell in cells:
        number = value(cell, peers[cell.round, cell.callers])
        if number is not None:
            found.setdefault((cell.callers, cell.subject), []).append(number)
    return {place: statistics.median(numbers) for place, numbers in found.items()}


def absolute(cells: Sequence[Cell], metrics: Sequence[Metric], subjects: Sequence[str], *, baseline: str = "") -> str:
    """A table of medians: a line per number of callers and subject, errors of all rounds last."""
    columns = {metric.title: _written(medians(cells, metric, baseline=baseline), metric.text) for metric in metrics}
    columns["errors"] = {place: _errors(cells, place) for place in _places(cells, subjects)}
    return _lines_of(cells, subjects, columns)


def relative(
    cells: Sequence[Cell], metrics: Sequence[Metric], subjects: Sequence[str], *, to: str, baseline: str = ""
) -> str:
    """A table of ratios to the subject `to`; small ones with as many digits as say something."""
    columns = {
        metric.title.partition(" ms")[0].partition(" MB")[0]: _written(
            ratios(cells, metric, to=to, baseline=baseline), _multiple
        )
        for metric in metrics
    }
    return _lines_of(cells, subjects, columns)


def table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Markdown, aligned so that it also reads well on a terminal. Words stand left, numbers right."""
    widths = [max(len(line[n]) for line in (header, *lines)) for n in range(len(header))]
    is_number = [all(not line[n][:1].isalpha() for line in lines) for n in range(len(header))]

    def row(line: Sequence[str]) -> str:
        cells = (
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, is_number, strict=True)
        )
        return f"| {' | '.join(cells)} |"

    rule = "|".join("-" * (width + 1) + (":" if right else "-") for width, right in zip(widths, is_number, strict=True))
    return "\n".join([row(header), f"|{rule}|", *map(row, lines)])


def quietness(cells: Sequence[Cell]) -> str:
    """How much of the machine others used meanwhile, and whether that spoils the numbers."""
    shares = [cell.foreign_cores for cell in cells]
    middle, worst = statistics.median(shares), max(shares)
    verdict = "The numbers are preliminary." if middle > NOISY_CORES else "That is quiet enough."
    return f"Other processes used {middle:.2f} cores in the median cell and {worst:.2f} in the worst. {verdict}"


def _lines_of(cells: Sequence[Cell], subjects: Sequence[str], columns: Mapping[str, Mapping[Place, str]]) -> str:
    lines = [
        [str(callers), subject, *(column.get((callers, subject), "–") for column in columns.values())]
        for callers, subject in _places(cells, subjects)
    ]
    return table(["callers", "target", *columns], lines)


def _places(cells: Sequence[Cell], subjects: Sequence[str]) -> list[Place]:
    there = {(cell.callers, cell.subject) for cell in cells}
    callers = sorted({place[0] for place in there})
    return [(some, subject) for some in callers for subject in subjects if (some, subject) in there]


def _written(numbers: Mapping[Place, float], text: Callable[[float], str]) -> dict[Place, str]:
    return {place: text(number) for place, number in numbers.items()}


def _multiple(ratio: float) -> str:
    if ratio >= 100:
        return f"{ratio:,.0f}"
    return f"{ratio:.2f}" if ratio >= 0.1 or not ratio else f"{ratio:.4f}"


def _errors(cells: Sequence[Cell], place: Place) -> str:
    total: dict[str, int] = {}
    for cell in cells:
        if (cell.callers, cell.subject) == place:
            for kind, number in cell.errors.items():
                total[kind] = total.get(kind, 0) + number
    return ", ".join(f"{number} {kind}" for kind, number in total.items()) or "0"
