"""What operators look at: every organisation at once. Only behind the operator's guard."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col, select

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


def organisations(session: Session, *, since: datetime, limit: int, offset: int = 0) -> list[OrganisationLine]:
    """Newest organisations first."""
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
    rows = session.exec(statement).all()
    calls = metering.calls_by_organisation(session, [organisation.id for organisation, _, _ in rows], since=since)
    return [
        OrganisationLine(organisation, people=int(n), live_keys=int(k), calls=calls.get(organisation.id, 0))
        for organisation, n, k in rows
    ]


def installation(session: Session, *, since: datetime) -> Installation:
    """How big this installation is, and calls since `since`."""
    live = select(sa.func.count()).select_from(Key).where(col(Key.revoked_at).is_(None))
    return Installation(
        organisations=session.exec(select(sa.func.count()).select_from(Organisation)).one(),
        live_keys=session.exec(live).one(),
        calls=metering.calls_of_everyone(session, since=since),
    )
