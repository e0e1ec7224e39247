"""Who is on which plan, for gateways: what each organisation is on now, and what is planned to follow."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import or_, select
from sqlmodel import Session, col

from app.plans import document
from app.plans.models import INCOMPLETE, PlanVersion, Subscription

KEPT = timedelta(days=2)
"""Calls are never that late: a clock that was put back further is believed again (app/limits/moments.py)."""


class Stretch(NamedTuple):
    """From effective_at until the next one begins. plan_version_id: None for the default plan. currency: "" for the
    installation's.
    """

    effective_at: datetime
    plan_version_id: UUID | None
    currency: str


def of_organisations(
    session: Session, organisation_ids: Iterable[UUID] | None = None, *, now: datetime
) -> dict[UUID, tuple[Stretch, ...]]:
    """Each organisation's, oldest first; what ended long ago is left out. organisation_ids: None for all; those given
    are all in the answer, with () for one without a subscription.
    """
    columns = (
        col(Subscription.organisation_id),
        col(Subscription.begins_at),
        col(Subscription.plan_version_id),
        col(Subscription.currency),
        col(Subscription.ends_at),
        col(Subscription.next_plan_version_id),
        col(Subscription.next_at),
    )
    ended = col(Subscription.ends_at)
    statement = select(*columns).where(col(Subscription.state) != INCOMPLETE, or_(ended.is_(None), ended > now - KEPT))
    found: dict[UUID, list[Stretch]] = {}
    if organisation_ids is not None:
        wanted = list(organisation_ids)
        statement = statement.where(col(Subscription.organisation_id).in_(wanted))
        found = {organisation_id: [] for organisation_id in wanted}
    for row in session.execute(statement.order_by(col(Subscription.begins_at), col(Subscription.created_at))):
        theirs = found.setdefault(row.organisation_id, [])
        theirs.append(Stretch(row.begins_at, row.plan_version_id, row.currency))
        if row.ends_at is None and row.next_at is not None:
            theirs.append(Stretch(row.next_at, row.next_plan_version_id, row.currency))
    return {organisation_id: tuple(theirs) for organisation_id, theirs in found.items()}


def usual(session: Session) -> tuple[Stretch, ...]:
    """The default plan, oldest first: from each moment on, the version of the plan that is the default then."""
    rows = session.execute(select(PlanVersion).order_by(col(PlanVersion.effective_at), col(PlanVersion.number)))
    newest: dict[UUID, PlanVersion] = {}
    found: list[Stretch] = []
    for version in rows.scalars():
        before = newest.get(version.plan_id)
        if before is None or before.number < version.number:
            newest[version.plan_id] = version
        default = next((one for one in newest.values() if document.from_json(one.document).is_default), None)
        if default is not None:
            if found and found[-1].effective_at == version.effective_at:
                found.pop()
            found.append(Stretch(version.effective_at, default.id, ""))
    return tuple(found)
