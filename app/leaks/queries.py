"""Looking up what leaked, through the organisation whose it is; and what is still to be told."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, func, or_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from app.core.errors import NotFound
from app.leaks import models
from app.leaks.models import LeakDrill, LeakFind, LeakPolicy, LeakUnknown
from app.organisations.models import Organisation


def act_of(session: Session, organisation_id: UUID) -> str:
    """What the organisation wants done: REVOKE, QUARANTINE or NOTIFY."""
    policy = session.get(LeakPolicy, organisation_id)
    return models.REVOKE if policy is None else policy.act


def finds_of(
    session: Session, organisation: Organisation, *, key_id: UUID | None = None, limit: int, offset: int = 0
) -> list[LeakFind]:
    """Newest first; key_id: of one key alone."""
    statement = select(LeakFind).where(LeakFind.organisation_id == organisation.id)
    if key_id is not None:
        statement = statement.where(LeakFind.key_id == key_id)
    statement = statement.order_by(col(LeakFind.found_at).desc(), col(LeakFind.id))
    return list(session.exec(statement.limit(limit).offset(offset)))


def finds_of_key(session: Session, key_id: UUID) -> list[LeakFind]:
    """All of one key that is known to be the asker's, oldest first."""
    statement = select(LeakFind).where(LeakFind.key_id == key_id)
    return list(session.exec(statement.order_by(col(LeakFind.found_at), col(LeakFind.id))))


def drills_of(session: Session, organisation: Organisation, *, limit: int) -> list[LeakDrill]:
    """Newest first."""
    statement = (
        select(LeakDrill)
        .where(LeakDrill.organisation_id == organisation.id)
        .order_by(col(LeakDrill.at).desc(), col(LeakDrill.id))
    )
    return list(session.exec(statement.limit(limit)))


def drills_since(session: Session, organisation_id: UUID, *, since: datetime) -> list[LeakDrill]:
    """Those that the organisation has begun, also ones that are under way; in no order."""
    statement = select(LeakDrill).where(LeakDrill.organisation_id == organisation_id, col(LeakDrill.at) > since)
    return list(session.exec(statement))


def drill_of(session: Session, organisation: Organisation, drill_id: UUID) -> LeakDrill:
    """Raises NotFound for a stranger's as for one that never was."""
    found = session.get(LeakDrill, drill_id)
    if found is None or found.organisation_id != organisation.id:
        raise NotFound("There is no such drill in this organisation.")
    return found


def untold(session: Session, *, quiet_since: datetime, limit: int) -> list[LeakFind]:
    """Finds that people are to be told of and were not yet, oldest first; a drill tells by itself.

    quiet_since: a key that goes on working, and that they were told of after this, has to wait.
    """
    told = aliased(LeakFind)
    is_same = or_(col(told.key_id) == col(LeakFind.key_id), col(told.admin_key_id) == col(LeakFind.admin_key_id))
    is_known = exists().where(is_same, col(told.told_at) > quiet_since)
    statement = (
        select(LeakFind)
        .where(col(LeakFind.is_alarm), col(LeakFind.told_at).is_(None), LeakFind.reporter != models.DRILL)
        .where(or_(col(LeakFind.did) != models.TOLD, ~is_known))
        .order_by(col(LeakFind.found_at), col(LeakFind.id))
    )
    return list(session.exec(statement.limit(limit)))


def counts_by_deed(session: Session) -> dict[str, int]:
    """How many finds there are of all organisations, by what was done; drills aside."""
    statement = select(LeakFind.did, func.count()).where(LeakFind.reporter != models.DRILL).group_by(LeakFind.did)
    return dict(session.exec(statement).all())


def unknown_counts(session: Session) -> list[LeakUnknown]:
    """How many tokens were reported that are none of ours, by source."""
    return list(session.exec(select(LeakUnknown).order_by(col(LeakUnknown.source))))
