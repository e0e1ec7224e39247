"""`make conformance`: both revisions in both places, as a table. Ends with 1 when the gateway loses a check."""

# ruff: noqa: T201  (a program for a terminal)

import sys
import tempfile
from pathlib import Path

from tests.conformance import suite
from tests.conformance.comparison import compare
from tests.conformance.stage import stage


def main() -> int:
    """Exit code: 0 when everything that passes directly passes through the gateway, too."""
    lost = 0
    with tempfile.TemporaryDirectory(prefix="postern-conformance-") as name, stage(Path(name)) as running:
        for revision in suite.REVISIONS:
            comparison = compare(running, revision, Path(name))
            print(comparison.table, end="\n\n")
            for scenario, checks in comparison.lost.items():
                lost += len(checks)
                print(f"Lost in {scenario}:", *checks, sep="\n  ", end="\n\n")
    print(f"{lost} checks are lost in the gateway." if lost else "The gateway loses nothing.")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
