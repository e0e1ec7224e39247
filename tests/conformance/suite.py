"""Runs the public conformance suite against one address and reads what it found."""

import json
import re
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.conformance import node

PACKAGE = Path(__file__).parent / "suite_package"
PROGRAM = "node_modules/@modelcontextprotocol/conformance/dist/index.js"
REVISIONS = ("2025-11-25", "2026-07-28")
"""The suite's frozen sets of what a server must do, one per era."""

LONGEST_S = 240
_RESULTS = re.compile(r"server-(?P<scenario>.+)-\d{4}-\d{2}-\d{2}T[\d-]+Z")


@dataclass(frozen=True)
class Findings:
    """What one scenario found. passed: how often each check passed. failed: checks that did not, with why.

    noted: checks that do not apply to what the server chose to do.
    """

    passed: Counter[str]
    failed: dict[str, str]
    noted: frozenset[str] = frozenset()

    @property
    def count(self) -> int:
        return sum(self.passed.values())


Results = dict[str, Findings]
"""Scenario to findings, in the order in which the suite ran them."""


def run(url: str, revision: str, folder: Path, *, scenario: str | None = None) -> Results:
    """The server scenarios that `revision` requires, or only one of them, against `url`; raw results go to `folder`.

    Raises RuntimeError when the suite itself broke down.
    """
    which = (
        ["--requirements", revision]
        if scenario is None
        else ["--scenario", scenario, "--spec-version", revision, "--force"]
    )
    program = node.installed(PACKAGE) / PROGRAM
    done = subprocess.run(
        [node.NODE, program, "server", "--url", url, *which, "--output-dir", folder],
        env=node.environment(),
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONGEST_S,
    )
    found = read(folder)
    if not found:
        raise RuntimeError(f"The conformance suite found nothing to say about {url}:\n{done.stdout}")
    return found


def read(folder: Path) -> Results:
    """What the suite left in `folder`."""
    results = {}
    for path in sorted(folder.glob("server-*/checks.json"), key=lambda path: path.stat().st_mtime_ns):
        named = _RESULTS.fullmatch(path.parent.name)
        if named is not None:
            results[named["scenario"]] = _findings(json.loads(path.read_text()))
    return results


def _findings(checks: list[dict]) -> Findings:
    passed: Counter[str] = Counter()
    failed: dict[str, str] = {}
    noted = set()
    for check in checks:
        name = f"{check['id']} ({check['name']})"
        if check["status"] == "SUCCESS":
            passed[name] += 1
        elif check["status"] == "INFO":
            noted.add(name)
        else:
            failed[name] = f"{check['status']}: {check.get('errorMessage') or 'not said why'}"
    return Findings(passed, failed, frozenset(noted))
