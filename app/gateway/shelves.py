"""The approved tools of each integration in the gateway's memory, ready to be sent."""

from uuid import UUID

from app.integrations.catalogue import Catalogue, Pinned
from app.keys.scopes import Tools

_LISTS_KEPT = 64


class Shelf:
    """The tools of one integration. A change brings a new shelf, so that no list outlives what it was made from."""

    __slots__ = ("_lists", "catalogue", "has_any", "tools")

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.tools = catalogue.tools
        self.has_any = any(not one.is_held for one in self.tools.values())
        self._lists: dict[Tools, bytes] = {}

    def visible(self, tools: Tools) -> list[Pinned]:
        """What is approved and among `tools`, by name. tools: names, None for all."""
        return [one for one in self.tools.values() if not one.is_held and (tools is None or one.name in tools)]

    def definitions(self, tools: Tools) -> bytes:
        """These, parted by commas, word for word."""
        known = self._lists.get(tools)
        if known is None:
            if len(self._lists) >= _LISTS_KEPT:
                self._lists.clear()
            known = self._lists[tools] = b",".join([one.definition for one in self.visible(tools)])
        return known


def nothing_of(integration_id: UUID) -> Shelf:
    """For an integration of which nothing is known yet."""
    return Shelf(Catalogue(integration_id, {}, unapproved=0, error="", was_reached=False))
