"""`make bench`: measures the gateway beside nginx, and the portal's pages; prints tables and keeps them."""

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from app.core import clock
from bench import calls, console, hour, machine, memory, pages, report, results, several, streams, tools
from bench.measure import Plan
from bench.peers import comparison
from bench.problems import Unmeasurable
from bench.report import Section

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PARTS = {
    "gateway": calls.run,
    "peers": comparison.run,
    "streams": streams.run,
    "memory": memory.run,
    "several": several.run,
    "portal": pages.run,
}
LONG = {"hour": hour.run, "console": console.run}
"""Only when asked for by name."""
WORK = Path(__file__).with_name(".work").absolute()
"""On the disk of the checkout: /tmp may be memory, where a commit costs nothing."""


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when all that was asked for was measured, 1 when not, 130 after Ctrl-C."""
    options = _options(arguments)
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    try:
        return _run(options)
    except KeyboardInterrupt:
        print("Stopped; nothing was kept.", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace) -> int:
    started_at, commit, found, cores = clock.now(), results.commit(), tools.find(), machine.cores()
    plan = Plan(tools=found, rounds=options.rounds, seconds=options.seconds, cores=cores)
    WORK.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=WORK, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        how_long = f"{plan.rounds} × {plan.seconds} s per cell"
        facts = {**machine.facts(folder, cores), **found.versions(), "rounds": how_long}
        sections = _measured(options, plan, folder)
    if not sections:
        return 1
    text = report.page(started_at, commit, facts, sections)
    print(f"\n{text}")
    numbers = {
        "at": started_at.isoformat(timespec="seconds"),
        "commit": commit,
        "facts": facts,
        **{section.name: section.numbers for section in sections},
    }
    is_whole = len(sections) == len(PARTS) and not options.quick
    is_long = options.only in LONG and len(sections) == 1 and not options.quick
    latest = results.LATEST if is_whole else f"{results.LATEST}-{options.only}" if is_long else ""
    for path in results.keep(results.name_of(started_at, commit, is_whole=is_whole), numbers, text, latest=latest):
        print(f"Kept in {path}")
    return 0 if len(sections) == len(options.parts) else 1


def _measured(options: argparse.Namespace, plan: Plan, folder: Path) -> list[Section]:
    """What could be measured of what was asked for; why the rest could not be is printed."""
    sections = []
    for part in options.parts:
        print(f"Measuring the {part}:", file=sys.stderr)
        place = folder / part
        place.mkdir()
        try:
            sections.append({**PARTS, **LONG}[part](plan, place))
        except Unmeasurable as problem:
            print(f"The {part} could not be measured. {problem}", file=sys.stderr)
    return sections


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of one second: whether it works, not how fast")
    parser.add_argument("--only", choices=[*PARTS, *LONG], help="measure only this")
    parser.add_argument("--rounds", type=_positive, help="rounds in which all take turns (3)")
    parser.add_argument("--seconds", type=_positive, help="of load per cell (3), or of the hour")
    options = parser.parse_args(arguments)
    usual = 1 if options.quick else 3
    long = hour.SECONDS if options.only == "hour" and not options.quick else usual
    options.rounds, options.seconds = options.rounds or usual, options.seconds or long
    options.parts = [options.only] if options.only else list(PARTS)
    return options


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """What we started ends with us, however we are told to end; telling us twice does not hurry it."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
