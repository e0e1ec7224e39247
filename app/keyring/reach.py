"""What a key may reach, as forms offer it: integrations with their approved tools, and which of these only read."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.integrations.models import Installation, Integration, Tool
from app.organisations.models import Organisation

EVERYTHING, READING, CHOSEN = "everything", "reading", "chosen"
WAYS = {
    EVERYTHING: "Everything, also what is added later",
    READING: "Only tools that read",
    CHOSEN: "What I choose",
}


@dataclass(frozen=True, slots=True)
class Offered:
    """A tool. only_reads: whether its approved definition says so (readOnlyHint)."""

    name: str
    only_reads: bool


@dataclass(frozen=True, slots=True)
class Place:
    """An integration that the organisation may use, with its approved tools by name."""

    slug: str
    name: str
    tools: Sequence[Offered]

    def is_among(self, scopes: Collection[str]) -> bool:
        """Whether it, or one of its tools, is named there."""
        return self.slug in scopes or any(scope.startswith(f"{self.slug}/") for scope in scopes)


def offered(session: Session, organisation: Organisation) -> list[Place]:
    """All there is to choose from, in the order it was added."""
    mine = sa.select(col(Installation.integration_id)).where(col(Installation.organisation_id) == organisation.id)
    places = session.exec(
        select(Integration)
        .where(col(Integration.is_enabled))
        .where(sa.or_(col(Integration.is_open), col(Integration.id).in_(mine)))
        .order_by(col(Integration.created_at), col(Integration.slug))
    ).all()
    found = session.exec(
        select(Tool.integration_id, Tool.name, Tool.definition)
        .where(col(Tool.integration_id).in_([place.id for place in places]), Tool.definition != "")
        .order_by(col(Tool.name))
    )
    tools: dict[object, list[Offered]] = {}
    for integration_id, name, definition in found:
        tools.setdefault(integration_id, []).append(Offered(name, only_reads(definition)))
    return [Place(place.slug, place.name, tools.get(place.id, [])) for place in places]


def only_reads(definition: str) -> bool:
    """Whether a tool's definition says that it changes nothing. The word of its maker, held to nothing."""
    said = json.loads(definition).get("annotations")
    return isinstance(said, dict) and said.get("readOnlyHint") is True


def scopes_of(way: str, chosen: Iterable[str], places: Iterable[Place]) -> tuple[str, ...] | None:
    """What is kept of the choice: None for everything."""
    if way == READING:
        return tuple(f"{place.slug}/{tool.name}" for place in places for tool in place.tools if tool.only_reads)
    return tuple(chosen) if way == CHOSEN else None
