"""Calls one by one, refused tries, and counts for operators. What calls add up to is asked in usage.py."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import Select

from app.core import ids
from app.integrations.models import Integration
from app.keys.models import Key
from app.metering import selection, spans, usage
from app.metering.ledger import EventRow
from app.metering.models import OK, Attempt, UsageDay, UsageEvent
from app.metering.spans import Span
from app.metering.usage import Question
from app.organisations.models import Organisation
from app.plans import queries as plans

APART = timedelta(days=2)
"""The most that a receipt's time and its event's moment differ: a gateway's clock that was set."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over a period. mean_us is None when there were no calls."""

    calls: int
    errors: int
    mean_us: int | None
    bytes_in: int
    bytes_out: int


@dataclass(frozen=True, slots=True)
class Call:
    """One line of the ledger with the names that its ids stand for."""

    event: UsageEvent
    key: Key
    integration: Integration


def days_back(now: datetime, days: int) -> tuple[datetime, datetime]:
    """From the start of the UTC day `days - 1` days ago to the start of tomorrow: `days` days, today the last."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=days - 1), today + timedelta(days=1)


def currency_of(session: Session, organisation: Organisation, *, at: datetime) -> str:
    """What an organisation pays in; "" while no subscription says so."""
    found = plans.subscription_at(session, organisation.id, at)
    return found.currency if found is not None else ""


def totals(session: Session, organisation: Organisation, *, since: datetime, until: datetime) -> Totals:
    """Sums over the period: whole days or hours."""
    found = usage.total(session, Question(organisation, Span(spans.CUSTOM, since, until, until)))
    return Totals(
        calls=found.calls,
        errors=found.errors,
        mean_us=found["duration_us"] // found.calls if found.calls else None,
        bytes_in=found["bytes_in"],
        bytes_out=found["bytes_out"],
    )


def has_called(session: Session, organisation: Organisation) -> bool:
    """Whether anything was ever counted."""
    statement = select(UsageDay.day_at).where(UsageDay.organisation_id == organisation.id).limit(1)
    return session.exec(statement).first() is not None


def calls_of(session: Session, organisation: Organisation, *, limit: int, since: datetime | None = None) -> list[Call]:
    """The newest calls, newest first."""
    statement = _calls().where(UsageEvent.organisation_id == organisation.id).limit(limit)
    if since is not None:
        statement = statement.where(UsageEvent.at >= since)
    return [Call(event=event, key=key, integration=integration) for event, key, integration in session.exec(statement)]


def calls_in(
    session: Session, question: Question, *, limit: int, before: str | None = None, since: str | None = None
) -> list[Call]:
    """Those that a question is about, newest first.

    before: a receipt; only calls older than it are given, so that pages do not shift while calls come in. since: a
    receipt; neither it nor what is older is looked through.
    """
    if question.wanted.said and since is None:
        within = _where_they_are(session, question, limit=limit, before=before)
        if within is None:
            return []
        question = replace(question, span=within)
    span, wanted, organisation = question.span, question.wanted, question.organisation
    stays = selection.stays_of(session, organisation) if wanted.plan else []
    columns = {name: getattr(UsageEvent, name) for name in EventRow.__annotations__}
    moment = col(UsageEvent.at)
    statement = (
        _calls()
        .where(*selection.conditions(wanted, columns, organisation=organisation, moment=moment, stays=stays))
        .where(col(UsageEvent.id) > max(ids.lowest_receipt(span.since - APART), since or ""))
        .where(col(UsageEvent.id) < (before or ids.lowest_receipt(span.until + APART)))
        .where(moment >= span.since, moment < span.until)
        .limit(limit)
    )
    return [Call(event=event, key=key, integration=integration) for event, key, integration in session.exec(statement)]


def _where_they_are(session: Session, question: Question, *, limit: int, before: str | None) -> Span | None:
    """The part of a stretch in which its newest `limit` calls are, by the totals of its steps: events are not looked
    through for what they do not hold. None where there is no call. The newest receipts may be of calls that are up to
    twice APART older than others.
    """
    span, found, since, until = question.span, 0, None, None
    newest = ids.moment_of(before) if before is not None else span.until
    steps = zip(span.steps, usage.by_step(session, replace(question, by="")), strict=True)
    for at, sums in reversed(list(steps)):
        if sums.calls and at < newest + APART and found < limit:
            since, until = at, until or at + span.step
            found += sums.calls if at + span.step <= newest - APART or before is None else 0
    if since is None or until is None:
        return None
    return replace(span, since=max(span.since, since - 2 * APART), until=until)


def _calls() -> Select[UsageEvent, Key, Integration]:
    return (
        select(UsageEvent, Key, Integration)
        .join(Key, col(Key.id) == col(UsageEvent.key_id))
        .join(Integration, col(Integration.id) == col(UsageEvent.integration_id))
        .order_by(col(UsageEvent.id).desc())
    )


def has_succeeded(session: Session, organisation: Organisation) -> bool:
    """Whether a call of the organisation ever went well."""
    statement = (
        select(UsageEvent.id).where(UsageEvent.organisation_id == organisation.id, UsageEvent.status == OK).limit(1)
    )
    return session.exec(statement).first() is not None


def attempts_of(
    session: Session, organisation: Organisation, *, address_digest: str | None, since: datetime, limit: int
) -> list[Attempt]:
    """Refused tries since `since`, newest first: the organisation's own and, with an address_digest, those from that
    address that could not be told to belong to anyone. Of these only reason and time may be shown: behind one address
    there may be more than one person.
    """
    belongs = col(Attempt.organisation_id) == organisation.id
    if address_digest is not None:
        unclaimed = col(Attempt.organisation_id).is_(None) & (col(Attempt.address_digest) == address_digest)
        belongs = belongs | unclaimed
    statement = (
        select(Attempt)
        .where(belongs, col(Attempt.at) >= since)
        .order_by(col(Attempt.at).desc(), col(Attempt.id).desc())
        .limit(limit)
    )
    return list(session.exec(statement))


def calls_by_organisation(session: Session, organisation_ids: Sequence[UUID], *, since: datetime) -> dict[UUID, int]:
    """Calls since the day `since` of each of the organisations that made any: for operators."""
    statement = (
        select(UsageDay.organisation_id, func.sum(UsageDay.calls))
        .where(col(UsageDay.organisation_id).in_(organisation_ids), UsageDay.day_at >= since)
        .group_by(col(UsageDay.organisation_id))
    )
    return {organisation_id: int(calls) for organisation_id, calls in session.exec(statement)}


def calls_of_everyone(session: Session, *, since: datetime) -> int:
    """Calls of all organisations since the day `since`: for operators."""
    statement = select(func.coalesce(func.sum(UsageDay.calls), 0)).where(UsageDay.day_at >= since)
    return int(session.exec(statement).one())
