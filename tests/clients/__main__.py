"""`make clients`: what each real client makes of the gateway, as a table. Ends with 1 when one does not work."""

# ruff: noqa: T201  (a program for a terminal)

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.clients.checks import complaints, is_known_to_differ
from tests.clients.clients import CLIENTS, Client, Seen
from tests.clients.situations import ALL_WELL, FAILS, PROGRESS, REFUSALS, TEXT, UNKNOWN, setting
from tests.conformance.node import NotInstallable

COLUMNS = ("connects", "tools", "call", "progress", "tool error", "unknown tool", *(one.name for one in REFUSALS))


def main() -> int:
    """Exit code: 0 when each client that can be had works."""
    failed = 0
    print(f"{'client':<32}" + "".join(f"{name:<18}" for name in COLUMNS))
    with tempfile.TemporaryDirectory(prefix="postern-clients-") as folder, setting(Path(folder)) as made:
        for client in CLIENTS:
            try:
                seen = client.visit(made.visits)
            except NotInstallable as problem:
                print(f"{client!s:<32}cannot be installed here: {problem}")
                continue
            print(f"{client!s:<32}" + "".join(f"{cell:<18}" for cell in _cells(client, seen)))
            found = list(complaints(client, seen))
            failed += bool(found)
            print(*(f"    {complaint}\n" for complaint in found), sep="", end="")
    print(
        "\nwords: shows what the gateway said. own: shows words of its own for the status, as it does for any server."
    )
    return 1 if failed else 0


def _cells(client: Client, seen: dict[str, Seen]) -> Iterator[str]:
    good = seen[ALL_WELL]
    yield good.version or ("no" if good.refused else "yes")
    yield str(good.tools)
    if good.refused:
        return
    yield "ok" if good.calls[TEXT].is_ok else "no"
    yield "not shown" if good.calls[PROGRESS].progress is None else f"{good.calls[PROGRESS].progress} of 3"
    yield "words" if "intentionally" in good.calls[FAILS].said else "no"
    yield "words" if UNKNOWN in good.calls[UNKNOWN].said else "no"
    for refusal in REFUSALS:
        said = seen[refusal.name].said
        yield "words" if refusal.words in said else "own" if is_known_to_differ(client, refusal.name, said) else "LOST"


if __name__ == "__main__":
    sys.exit(main())
