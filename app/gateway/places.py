"""The addresses at which integrations are called.

    /mcp/{slug}     one integration           /mcp      all of them at once
    /k/{slug}/mcp   the same, for keys only   /k/mcp    the same, for keys only

Clients look for OAuth beside an address before they use it, and some never send a configured key once they have found
any. So the places under /k/ will never have any: their 401 is plain, and what clients ask for under /.well-known/ is a
404. Those under /mcp/ take keys as well, and are where signing in will be. Why so: docs/adr/0013.
"""

from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Place:
    """slug: "" for all integrations at once."""

    slug: str
    is_key_only: bool


@lru_cache(maxsize=1024)
def parse(path: str) -> Place | None:
    """The place at `path`, whether or not there is such an integration; None for what is no place."""
    if path.startswith("/mcp/"):
        return _of_one(path[5:], is_key_only=False)
    if path.startswith("/k/") and path.endswith("/mcp"):
        return Place("", is_key_only=True) if path == "/k/mcp" else _of_one(path[3:-4], is_key_only=True)
    return Place("", is_key_only=False) if path == "/mcp" else None


def challenge(path: str) -> bytes:
    """What a 401 for `path` says in WWW-Authenticate.

    The one line to change when signing in comes: then a place that is not key-only adds resource_metadata="…".
    """
    return b"Bearer"


def _of_one(slug: str, *, is_key_only: bool) -> Place | None:
    return Place(slug, is_key_only) if slug and "/" not in slug else None
