"""What reconciliation found: one row for each place, however often it is found; ended when it is found no more."""

import logging
from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import func
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.billing.comparing import Difference
from app.billing.reconcile_models import Agreed, Finding, ReconcileRun
from app.core import audit
from app.core.errors import Conflict, NotFound

log = logging.getLogger(__name__)

Dated = tuple[datetime | None, Difference]
"""With the month whose usage it is about."""


def record(
    session: Session, mode: str, organisation_id: UUID, differences: Iterable[Dated], *, now: datetime
) -> set[tuple[str, str]]:
    """Note these; gives their (kind, subject)."""
    seen: set[tuple[str, str]] = set()
    for month_at, difference in differences:
        subject = difference.subject[:200]
        found = _at(session, mode, organisation_id, difference.kind, subject)
        if found is None or found.ended_at is not None:
            log.warning(
                "reconcile.found",
                extra={"kind": difference.kind, "subject": subject, "organisation_id": str(organisation_id)},
            )
        if found is None:
            found = Finding(
                mode=mode,
                organisation_id=organisation_id,
                kind=difference.kind,
                subject=subject,
                ours=difference.ours,
                theirs=difference.theirs,
                proposal=difference.proposal,
                found_at=now,
                seen_at=now,
            )
        elif found.ended_at is not None:
            found.found_at = now
        found.ours, found.theirs, found.proposal = difference.ours, difference.theirs, difference.proposal[:300]
        found.month_at, found.seen_at, found.ended_at = month_at, now, None
        session.add(found)
        seen.add((difference.kind, subject))
    session.flush()
    return seen


def end_others(
    session: Session,
    mode: str,
    organisation_id: UUID,
    seen: Collection[tuple[str, str]],
    *,
    since: datetime,
    now: datetime,
) -> None:
    """What was open of months from `since` on and is found no more has ended."""
    _end(session, _open(mode, organisation_id).where(col(Finding.month_at) >= since), seen, now)


def end_named(
    session: Session,
    mode: str,
    organisation_id: UUID,
    beginning: str,
    seen: Collection[tuple[str, str]],
    *,
    now: datetime,
) -> None:
    """The same for findings that belong to no month: of those whose subject begins so."""
    named = col(Finding.subject).startswith(beginning, autoescape=True)
    _end(session, _open(mode, organisation_id).where(col(Finding.month_at).is_(None), named), seen, now)


def settle(session: Session, finding_id: UUID, *, person_id: UUID, now: datetime) -> Finding:
    """Somebody has seen to it. What is still so is found again by the next run. Raises NotFound, and Conflict for one
    that has ended.
    """
    found = session.get(Finding, finding_id)
    if found is None:
        raise NotFound("There is no such finding.")
    if found.ended_at is not None:
        raise Conflict("It has ended already.")
    found.ended_at = now
    session.add(found)
    details = {"kind": found.kind, "subject": found.subject, "ours": str(found.ours), "theirs": str(found.theirs)}
    audit.record(session, action="finding.settled", now=now, person_id=person_id, details=details)
    session.flush()
    return found


def listed(session: Session, *, is_open: bool, limit: int, offset: int = 0) -> list[Finding]:
    """Open ones, or ended ones; newest first."""
    state = col(Finding.ended_at).is_(None) if is_open else col(Finding.ended_at).is_not(None)
    order = (col(Finding.found_at).desc(), col(Finding.subject), col(Finding.id))
    return list(session.exec(select(Finding).where(state).order_by(*order).limit(limit).offset(offset)))


def count_open(session: Session, mode: str) -> int:
    """How many are open."""
    statement = select(func.count()).select_from(Finding).where(Finding.mode == mode, col(Finding.ended_at).is_(None))
    return int(session.exec(statement).one())


def runs(session: Session, *, limit: int, offset: int = 0) -> list[ReconcileRun]:
    """Newest first."""
    order = (col(ReconcileRun.began_at).desc(), col(ReconcileRun.id))
    return list(session.exec(select(ReconcileRun).order_by(*order).limit(limit).offset(offset)))


def agreed(session: Session, organisation_id: UUID, mode: str) -> Agreed | None:
    """Up to where Stripe and we agree about an organisation's usage; None before the first comparison."""
    return session.get(Agreed, (organisation_id, mode))


def _open(mode: str, organisation_id: UUID) -> SelectOfScalar[Finding]:
    return select(Finding).where(
        Finding.mode == mode, Finding.organisation_id == organisation_id, col(Finding.ended_at).is_(None)
    )


def _end(session: Session, those: SelectOfScalar[Finding], seen: Collection[tuple[str, str]], now: datetime) -> None:
    for found in session.exec(those).all():
        if (found.kind, found.subject) not in seen:
            found.ended_at = now
            session.add(found)
    session.flush()


def _at(session: Session, mode: str, organisation_id: UUID, kind: str, subject: str) -> Finding | None:
    statement = select(Finding).where(
        Finding.mode == mode,
        Finding.organisation_id == organisation_id,
        Finding.kind == kind,
        Finding.subject == subject,
    )
    return session.exec(statement).first()
