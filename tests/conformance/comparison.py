"""The suite against the full server directly and through the gateway, side by side."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conformance import suite
from tests.conformance.proxies import keyed_proxy
from tests.conformance.stage import Stage
from tests.conformance.suite import Findings, Results

TRIES = 3
"""How often a scenario is run before a check counts as lost: some give an answer half a second, on whatever machine."""
WORTH_ANOTHER = 4
"""Up to how many scenarios that fail may be a slow machine's; more of them are something else."""

CHOICES = frozenset(("server-sse-streams-functional (ServerSSEStreamsFunctional)",))
"""Checks that apply only to a server that chose to do something. This one is about lists that come as streams; whoever
answers them in plain JSON, as the gateway does from memory, has it noted and not failed.
"""
WHY = 300
"""How many characters of a reason are shown; some hold a whole answer."""

NOTHING = Findings(suite.Counter(), {})


@dataclass(frozen=True)
class Comparison:
    """What one revision's scenarios found in both places."""

    revision: str
    direct: Results
    through: Results

    @property
    def lost(self) -> dict[str, list[str]]:
        """Scenario to the checks that pass directly and not through the gateway, with why not; empty when none is."""
        found = {name: list(_lost(self.direct[name], self.through.get(name, NOTHING))) for name in self.direct}
        return {name: checks for name, checks in found.items() if checks}

    @property
    def table(self) -> str:
        """One line per scenario: how many checks passed directly and through the gateway. Marked where one was lost."""
        lines = [f"{self.revision:<52}{'direct':>8}{'gateway':>9}"]
        for name, findings in self.direct.items():
            mark = "  lost" if name in self.lost else "  one does not apply" if self._chose(name) else ""
            lines.append(f"  {name:<50}{findings.count:>8}{self.through.get(name, NOTHING).count:>9}{mark}")
        lines.append(f"  {'checks passed':<50}{_total(self.direct):>8}{_total(self.through):>9}")
        return "\n".join(lines)

    def _chose(self, name: str) -> bool:
        """Whether a check that passes directly does not apply to what the gateway chose to do."""
        noted = self.through.get(name, NOTHING).noted
        return any(check in noted for check in CHOICES & self.direct[name].passed.keys())


def compare(stage: Stage, revision: str, folder: Path) -> Comparison:
    """Run all of `revision` in both places, and again what failed, in case the machine was slow."""
    with keyed_proxy(stage.authority, stage.secret) as proxy:
        direct = _run(stage.upstream, revision, folder / f"{revision}-direct", worth_another=_required)
        url = stage.url.replace(stage.gateway.url, proxy)

        def lost(through: Results) -> list[str]:
            return list(Comparison(revision, direct, through).lost)

        through = _run(url, revision, folder / f"{revision}-gateway", worth_another=lost)
    return Comparison(revision, direct, through)


def failing(results: Results) -> dict[str, dict[str, str]]:
    """Scenario to the checks that did not pass, leaving out the optional extension that is served nowhere here."""
    return {name: found.failed for name, found in results.items() if found.failed and not name.startswith("tasks-")}


def _required(results: Results) -> list[str]:
    return list(failing(results))


def _run(url: str, revision: str, folder: Path, *, worth_another: Callable[[Results], list[str]]) -> Results:
    results = suite.run(url, revision, folder)
    for number in range(2, TRIES + 1):
        failed = worth_another(results)
        if len(failed) > WORTH_ANOTHER:
            break
        for name in failed:
            again = suite.run(url, revision, folder.with_name(f"{folder.name}-{number}"), scenario=name)
            results[name] = again.get(name, NOTHING)
    return results


def _lost(direct: Findings, through: Findings) -> Iterator[str]:
    for check, count in (direct.passed - through.passed).items():
        if check in CHOICES & through.noted:
            continue
        yield f"{check}, {count} times: {through.failed.get(check, 'not observed')[:WHY]}"


def _total(results: Results) -> int:
    return sum(findings.count for findings in results.values())
