"""What a key reaches: "slug" for an integration with everything it has, "slug/tool" for one of its tools.

A slug has no “/”, so the first one parts the two, whatever a tool is called.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

Tools = frozenset[str] | None
"""Names of tools; None for all that there are, and for prompts, resources and whatever else an integration has."""

ALL: Tools = None
NONE: Tools = frozenset()


@dataclass(frozen=True, slots=True)
class Scopes:
    """For asking what a key may use, in constant time. Keys with the same scopes share one of these."""

    _tools: dict[str, Tools]

    def tools_of(self, slug: str) -> Tools:
        """The tools of one integration; NONE for one that it does not reach at all."""
        return self._tools.get(slug, NONE)


def read(texts: Iterable[str]) -> Scopes:
    """Scopes from how they are written. What is not of that form reaches nothing."""
    return _read(tuple(sorted(set(texts))))


def parts(text: str) -> tuple[str, str]:
    """(slug, tool); tool is "" for a whole integration."""
    slug, _, tool = text.partition("/")
    return slug, tool


def plain(texts: Iterable[str]) -> list[str]:
    """Sorted, each once, without tools of integrations that are there as a whole."""
    found = {text.strip() for text in texts}
    return sorted(text for text in found if "/" not in text or parts(text)[0] not in found)


def in_words(texts: list[str] | None) -> str:
    """How people read it; None is everything, an empty list nothing."""
    if texts is None:
        return "Everything"
    return ", ".join(texts) or "Nothing"


@lru_cache(maxsize=1024)
def _read(texts: tuple[str, ...]) -> Scopes:
    whole = {text for text in texts if "/" not in text}
    tools: dict[str, set[str]] = {}
    for slug, tool in map(parts, texts):
        if slug not in whole and tool:
            tools.setdefault(slug, set()).add(tool)
    return Scopes({**dict.fromkeys(whole, ALL), **{slug: frozenset(names) for slug, names in tools.items()}})
