"""What operators look at: every organisation at once. Only behind the operator's guard."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.accounts.models import Person
from app.core import uuids
from app.keys import tokens
from app.keys.models import Key
from app.metering import queries as metering
from app.organisations.models import Membership, Organisation


@dataclass(frozen=True, slots=True)
class OrganisationLine:
    """One organisation and how alive it is; calls since the moment that was asked for."""

    organisation: Organisation
    people: int
    live_keys: int
    calls: int


@dataclass(frozen=True, slots=True)
class Installation:
    """Counts over everything."""

    organisations: int
    live_keys: int
    calls: int


def names_of(session: Session, organisation_ids: Collection[UUID]) -> dict[UUID, str]:
    """What these organisations are called; those that are not there are left out."""
    statement = select(Organisation.id, Organisation.name).where(col(Organisation.id).in_(organisation_ids))
    return dict(session.exec(statement).all())


def organisations(
    session: Session, text: str = "", *, since: datetime, limit: int, offset: int = 0
) -> list[OrganisationLine]:
    """Newest organisations first; with a text those whose name or slug holds it, whose id it is, one of whose keys
    begins so, or one of whose people has a name or e-mail address that holds it.
    """
    people = sa.select(sa.func.count()).where(col(Membership.organisation_id) == col(Organisation.id)).scalar_subquery()
    keys = (
        sa.select(sa.func.count())
        .where(col(Key.organisation_id) == col(Organisation.id), col(Key.revoked_at).is_(None))
        .scalar_subquery()
    )
    statement = (
        select(Organisation, people, keys)
        .order_by(col(Organisation.created_at).desc(), col(Organisation.id))
        .limit(limit)
        .offset(offset)
    )
    if text:
        statement = statement.where(_is_meant(text))
    rows = session.exec(statement).all()
    calls = metering.calls_by_organisation(session, [organisation.id for organisation, _, _ in rows], since=since)
    return [
        OrganisationLine(organisation, people=int(n), live_keys=int(k), calls=calls.get(organisation.id, 0))
        for organisation, n, k in rows
    ]


def _is_meant(text: str) -> sa.ColumnElement[bool]:
    keys = select(Key.organisation_id).where(Key.prefix == (tokens.prefix_of(text) or text))
    belong = (
        select(Membership.organisation_id)
        .join(Person, col(Person.id) == col(Membership.person_id))
        .where(
            sa.or_(
                col(Person.name).icontains(text, autoescape=True), col(Person.email).icontains(text, autoescape=True)
            )
        )
    )
    found = [
        col(Organisation.name).icontains(text, autoescape=True),
        col(Organisation.slug).icontains(text, autoescape=True),
        col(Organisation.id).in_(keys),
        col(Organisation.id).in_(belong),
    ]
    organisation_id = uuids.read(text)
    return sa.or_(*found, col(Organisation.id) == organisation_id) if organisation_id else sa.or_(*found)


def installation(session: Session, *, since: datetime) -> Installation:
    """How big this installation is, and calls since `since`."""
    live = select(sa.func.count()).select_from(Key).where(col(Key.revoked_at).is_(None))
    return Installation(
        organisations=session.exec(select(sa.func.count()).select_from(Organisation)).one(),
        live_keys=session.exec(live).one(),
        calls=metering.calls_of_everyone(session, since=since),
    )
