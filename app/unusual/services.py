"""Choosing what use is told of, and marking what was told as seen."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete
from sqlmodel import Session, col, select

from app.core import audit
from app.core.errors import Conflict
from app.keys.models import Key
from app.organisations.models import Organisation
from app.unusual import queries, rules
from app.unusual.models import KnownPlace, UseAlert, UseAlertSetting
from app.unusual.rules import Choice

OFF = "The rule was turned off."


def choose(
    session: Session, organisation: Organisation, choice: Choice, *, person_id: UUID | None, now: datetime
) -> None:
    """Tell of this from now on; alerts of rules that are off end. person_id: None for a program. Raises Invalid for a
    number out of bounds.
    """
    rules.check(choice)
    before = queries.choice_of(session, organisation.id)
    setting = session.get(UseAlertSetting, organisation.id) or UseAlertSetting(
        organisation_id=organisation.id,
        off=[],
        factor=choice.factor,
        rate_calls=choice.rate_calls,
        error_percent=choice.error_percent,
        error_calls=choice.error_calls,
        silent_days=choice.silent_days,
        changed_at=now,
    )
    setting.off, setting.changed_at = sorted(choice.off), now
    setting.factor, setting.rate_calls = choice.factor, choice.rate_calls
    setting.error_percent, setting.error_calls = choice.error_percent, choice.error_calls
    setting.silent_days = choice.silent_days
    session.add(setting)
    for alert in _open(session, organisation):
        if not choice.has(alert.rule):
            end(session, alert, why=OFF, now=now)
    session.flush()
    changed = {rule: f"{before.said[rule]} → {words}" for rule, words in choice.said.items()}
    details = {rule: change for rule, change in changed.items() if before.said[rule] != choice.said[rule]}
    if details:
        audit.record(
            session,
            action="use_alerts.set",
            now=now,
            organisation_id=organisation.id,
            person_id=person_id,
            subject_id=organisation.id,
            details=details,
        )


def see(session: Session, *, alert: UseAlert, person_id: UUID | None, now: datetime) -> None:
    """Somebody knows of it: it waits for nobody any more. Raises Conflict if somebody has said so."""
    if alert.seen_at is not None:
        raise Conflict("Somebody has marked this alert as seen already.")
    alert.seen_at, alert.seen_by_id = now, person_id
    session.add(alert)
    audit.record(
        session,
        action="use_alerts.seen",
        now=now,
        organisation_id=alert.organisation_id,
        person_id=person_id,
        subject_id=alert.id,
        details={"alert": alert.words.removesuffix(".")},
    )
    session.flush()


def end(session: Session, alert: UseAlert, *, why: str, now: datetime) -> None:
    """It is over."""
    alert.ended_at, alert.why_ended = now, why
    session.add(alert)
    session.flush()


def forget(session: Session, organisation: Organisation) -> None:
    """Of an organisation that is deleted."""
    its_keys = select(Key.id).where(Key.organisation_id == organisation.id)
    session.execute(delete(KnownPlace).where(col(KnownPlace.key_id).in_(its_keys)))
    for table in (UseAlert, UseAlertSetting):
        session.execute(delete(table).where(col(table.organisation_id) == organisation.id))


def _open(session: Session, organisation: Organisation) -> list[UseAlert]:
    statement = select(UseAlert).where(UseAlert.organisation_id == organisation.id, col(UseAlert.ended_at).is_(None))
    return list(session.exec(statement))
