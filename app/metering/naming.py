"""Groups of calls as people read them and as addresses name them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, select

from app.accounts.models import Person
from app.integrations.models import Integration
from app.keys.models import Key
from app.metering import models, selection
from app.metering.usage import Group
from app.organisations.models import Membership, Organisation
from app.plans import queries as plans
from app.plans.queries import Offer

STATUSES = {
    models.OK: "OK",
    models.TOOL_ERROR: "Tool failed",
    models.PROTOCOL_ERROR: "Refused by the tool",
    models.UPSTREAM_ERROR: "Integration failed",
    models.TIMEOUT: "Timed out",
    models.CANCELLED: "Cancelled",
    "": "Not known any more",
}
UNCLASSED = "No error class"
"""Of calls that went well, and of what tools themselves say went wrong."""
ENVIRONMENTS = {"live": "Live", "test": "Test"}


@dataclass(frozen=True, slots=True)
class Name:
    """value: as in an address. label: for people."""

    value: str
    label: str


def names_of(session: Session, organisation: Organisation, by: str, groups: Sequence[Group]) -> dict[Group, Name]:
    """Of each group; what is gone is said to be."""
    if by in (selection.INTEGRATION, selection.TOOL):
        slugs = _all(session, Integration, Integration.slug, {group[0] for group in groups})
        if by == selection.INTEGRATION:
            return {group: Name(slugs.get(group[0], "gone"), slugs.get(group[0], "gone")) for group in groups}
        return {group: _tool(slugs.get(group[0], "gone"), group[1]) for group in groups}
    if by == selection.KEY:
        names = _keys(session, organisation, {group[0] for group in groups})
        return {group: Name(str(group[0]), names.get(group[0], "gone")) for group in groups}
    if by == selection.MEMBER:
        people = _all(session, Person, Person.name, {group[0] for group in groups if group[0] is not None})
        return {group: _member(group[0], people) for group in groups}
    if by == selection.PLAN:
        offers = plans.newest(session)
        return {group: _plan(group[0], offers) for group in groups}
    words = {selection.STATUS: STATUSES, selection.ENVIRONMENT: ENVIRONMENTS}.get(by, {})
    return {
        group: Name(group[0] or selection.NO_ERROR, words.get(group[0], group[0] or "No error class"))
        for group in groups
    }


def members_of(session: Session, organisation: Organisation, *, limit: int) -> list[Name]:
    """Who can own keys, by name."""
    statement = (
        select(Person.id, Person.name)
        .join(Membership, col(Membership.person_id) == col(Person.id))
        .where(Membership.organisation_id == organisation.id)
        .order_by(col(Person.name), col(Person.id))
        .limit(limit)
    )
    return [Name(str(person_id), name) for person_id, name in session.exec(statement)]


def _tool(slug: str, tool: str) -> Name:
    return Name(f"{slug}/{tool}", f"{slug} · {tool}")


def _member(person_id: UUID | None, people: dict[UUID, str]) -> Name:
    if person_id is None:
        return Name(selection.SERVICE, "Services")
    return Name(str(person_id), people.get(person_id, "gone"))


def _plan(slug: str, offers: Mapping[str, Offer]) -> Name:
    return Name(slug, offers[slug].document.name if slug in offers else "No plan")


def _keys(session: Session, organisation: Organisation, ids: set[UUID]) -> dict[UUID, str]:
    """Names; where several keys have the same, with the hint that tells them apart."""
    statement = select(Key).where(Key.organisation_id == organisation.id, col(Key.id).in_(ids))
    keys = list(session.exec(statement))
    seen = [key.name for key in keys]
    return {key.id: key.name if seen.count(key.name) == 1 else f"{key.name} ({key.hint})" for key in keys}


def _all(session: Session, table: Any, name: Any, ids: set[UUID]) -> dict[UUID, str]:  # noqa: ANN401  (any table)
    return dict(session.exec(select(table.id, name).where(col(table.id).in_(ids))).all())
