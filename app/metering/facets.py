"""From which sides totals are kept beside those of days: what each of them tells apart (docs/adr/0026)."""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

PARTS = ("key_id", "integration_id", "tool", "status", "error_class")
"""What totals of hours and days tell apart."""
NOBODY = UUID(int=0)


class Facet(NamedTuple):
    """parts: what it tells apart, of PARTS."""

    kind: str
    parts: tuple[str, ...]


BY_END, BY_TOOL, BY_KEY = "end", "tool", "key"
FACETS = (
    Facet(BY_END, ("status", "error_class")),
    Facet(BY_TOOL, ("integration_id", "tool")),
    Facet(BY_KEY, ("key_id",)),
)
"""Those with the fewest rows first."""


def of(parts: Iterable[str]) -> Facet | None:
    """The first that tells all of `parts` apart; None if only the totals themselves do."""
    wanted = set(parts)
    return next((one for one in FACETS if wanted <= set(one.parts)), None)


def blank(part: str) -> UUID | str:
    """What stands for a part that a facet does not tell apart."""
    return NOBODY if part.endswith("_id") else ""
