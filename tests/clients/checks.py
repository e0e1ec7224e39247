"""What must come of a client's visits, and where a client shows something else than the gateway's words."""

from collections.abc import Iterator

from tests.clients.clients import Client, Seen
from tests.clients.situations import ALL_WELL, FAILS, PROGRESS, REFUSALS, TEXT, UNKNOWN

SHOWN_INSTEAD = {
    ("Python SDK 1.30", "legacy", "key revoked"): "401 Unauthorized",
    ("Python SDK 1.30", "legacy", "server down"): "Server error '50",
    ("TypeScript SDK 2.4", "auto", "key revoked"): "requires authorization (HTTP 401)",
    ("TypeScript SDK 2.4", "2026-07-28", "key revoked"): "requires authorization (HTTP 401)",
    ("TypeScript SDK 2.4", "2026-07-28", "rate used up"): "did not offer pinned protocol version",
    ("TypeScript SDK 2.4", "2026-07-28", "scope missing"): "did not offer pinned protocol version",
    ("TypeScript SDK 2.4", "auto", "server down"): "the server answered the probe with HTTP 50",
    ("TypeScript SDK 2.4", "2026-07-28", "server down"): "the server answered the probe with HTTP 50",
    ("Inspector 2.12", "auto", "key revoked"): "auth_required",
    ("Inspector 2.12", "auto", "server down"): "the server answered the probe with HTTP 50",
}
"""(client, mode, refusal) to what a user is shown: these clients do not read the body of an error status when they
connect, and one that is pinned to a revision not even a JSON-RPC error. A 401 has to be one all the same, and why a
server that is down is a 502 stands in docs/adr/0004.
"""


def complaints(client: Client, seen: dict[str, Seen]) -> Iterator[str]:
    """What is not as it must be, in words; nothing when the client works."""
    yield from _of_good(client, seen[ALL_WELL])
    for refusal in REFUSALS:
        said = seen[refusal.name].said
        if refusal.words not in said and not is_known_to_differ(client, refusal.name, said):
            yield f"{refusal.name}: shows “{said}”, without “{refusal.words}”"


def is_known_to_differ(client: Client, refusal: str, said: str) -> bool:
    """Whether `said` is what this client shows instead of the gateway's words, by its own doing."""
    instead = SHOWN_INSTEAD.get((client.name, client.mode, refusal))
    return instead is not None and instead in said


def _of_good(client: Client, seen: Seen) -> Iterator[str]:
    if seen.refused:
        yield f"could not connect: {seen.refused}"
        return
    if seen.version != client.speaks:
        yield f"speaks {seen.version}, not {client.speaks}"
    if seen.tools < 20:
        yield f"lists {seen.tools} tools"
    text, progress, fails, unknown = (seen.calls[name] for name in (TEXT, PROGRESS, FAILS, UNKNOWN))
    if not text.is_ok or "simple text response" not in text.said:
        yield f"call: {text}"
    if not progress.is_ok or progress.progress not in (3, None):
        yield f"progress: {progress}"
    if fails.is_ok or "intentionally returns an error" not in fails.said:
        yield f"a tool’s own error: {fails}"
    if unknown.is_ok or UNKNOWN not in unknown.said:
        yield f"unknown tool: {unknown}"
