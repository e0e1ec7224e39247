"""Letting one organisation do more than its plan allows, until a day; then the plan holds again by itself."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from app.core import audit, moments
from app.core.errors import Conflict, Invalid
from app.limits import entitlements, models, raises, wording
from app.limits.raise_models import LimitRaise
from app.organisations.models import Organisation
from app.plans import queries as plans

LONGEST = 300


def raisable(session: Session, organisation: Organisation, *, at: datetime) -> dict[tuple[str, str], int]:
    """(measure, period) to what the plan allows now, for all that can be raised: calls and streams, never spending."""
    standing = plans.standing(session, organisation.id, at=at)
    allowed = entitlements.limits_of(standing.offer.document) if standing is not None else {}
    return {place: most for place, most in allowed.items() if place[0] != models.SPEND}


def give(
    session: Session,
    *,
    organisation: Organisation,
    measure: str,
    period: str,
    most: int,
    reason: str,
    ends_at: datetime,
    person_id: UUID | None,
    now: datetime,
) -> LimitRaise:
    """From now until ends_at; takes the place of another for the same. Gateways know it within a second of the commit.

    Raises Invalid for what the plan does not limit, for no more than the plan allows, without a reason, and for an end
    that is over.
    """
    reason = " ".join(reason.split())
    allowed = raisable(session, organisation, at=now).get((measure, period))
    if allowed is None:
        raise Invalid("The plan has no such limit, so there is nothing to raise.")
    if not allowed < most <= wording.LARGEST:
        raise Invalid(f"The plan allows {allowed:,} already. Give a larger number.")
    if not reason or len(reason) > LONGEST:
        raise Invalid(f"Say why, in {LONGEST} characters at most: the organisation reads it.")
    if ends_at <= now:
        raise Invalid("Choose a later day for it to end.")
    for former in raises.in_force(session, organisation.id, at=now):
        if (former.measure, former.period) == (measure, period):
            former.ended_at = now
            session.add(former)
    made = LimitRaise(
        organisation_id=organisation.id, measure=measure, period=period, most=most, reason=reason,
        person_id=person_id, created_at=now, ends_at=ends_at,
    )  # fmt: skip
    session.add(made)
    session.flush()
    details = {"limit": _words(made, made.most), "was": _words(made, allowed), "until": moments.words(ends_at)}
    _tell(session, made, "limit.raised", {**details, "why": reason}, person_id=person_id, now=now)
    entitlements.apply(session, organisation=organisation, now=now)
    return made


def end(session: Session, *, given: LimitRaise, person_id: UUID | None, now: datetime) -> None:
    """Let the plan's limit hold again. Raises Conflict if it does already."""
    if given.ended_at is not None:
        raise Conflict("It has ended already.")
    given.ended_at = now
    session.add(given)
    session.flush()
    _tell(session, given, "limit.raise_ended", {"limit": _words(given, given.most)}, person_id=person_id, now=now)
    entitlements.apply(session, organisation=session.get_one(Organisation, given.organisation_id), now=now)


def end_due(session: Session, *, now: datetime) -> int:
    """End those whose day has come; gives how many. At most a page; for the worker."""
    found = raises.due(session, now=now)
    for given in found:
        end(session, given=given, person_id=None, now=now)
    return len(found)


def _words(given: LimitRaise, most: int) -> str:
    """“calls 600/minute”, as the audit trail says limits."""
    return f"{given.measure} {most}{f'/{given.period}' if given.period else ''}"


def _tell(
    session: Session,
    given: LimitRaise,
    action: str,
    details: dict[str, str],
    *,
    person_id: UUID | None,
    now: datetime,
) -> None:
    audit.record(
        session,
        action=action,
        now=now,
        organisation_id=given.organisation_id,
        person_id=person_id,
        subject_id=given.id,
        details=details,
    )
