"""Looking alerts on use and their settings up."""

from uuid import UUID

from sqlalchemy import func
from sqlmodel import Session, col, select

from app.core.errors import NotFound
from app.keys.models import Key
from app.organisations.models import Organisation
from app.unusual import rules
from app.unusual.models import UseAlert, UseAlertSetting
from app.unusual.rules import Choice


def choice_of(session: Session, organisation_id: UUID) -> Choice:
    """What an organisation wants to be told of."""
    found = session.get(UseAlertSetting, organisation_id)
    return rules.USUAL if found is None else _choice(found)


def choices(session: Session) -> dict[UUID, Choice]:
    """Of everybody who has chosen; for the worker."""
    return {one.organisation_id: _choice(one) for one in session.exec(select(UseAlertSetting))}


def alerts_of(session: Session, organisation: Organisation, *, limit: int, offset: int = 0) -> list[UseAlert]:
    """Newest first."""
    statement = (
        select(UseAlert)
        .where(UseAlert.organisation_id == organisation.id)
        .order_by(col(UseAlert.at).desc(), col(UseAlert.id))
    )
    return list(session.exec(statement.limit(limit).offset(offset)))


def alert_of(session: Session, organisation: Organisation, alert_id: UUID) -> UseAlert:
    """Raises NotFound for a stranger's as for one that never was."""
    found = session.get(UseAlert, alert_id)
    if found is None or found.organisation_id != organisation.id:
        raise NotFound("There is no such alert in this organisation.")
    return found


def waiting_of(session: Session, organisation: Organisation) -> tuple[int, UseAlert | None]:
    """How many are open that nobody has marked as seen, and the newest of them."""
    where = (
        UseAlert.organisation_id == organisation.id,
        col(UseAlert.ended_at).is_(None),
        col(UseAlert.seen_at).is_(None),
        col(UseAlert.is_told),
    )
    newest = session.exec(select(UseAlert).where(*where).order_by(col(UseAlert.at).desc()).limit(1)).first()
    count = session.exec(select(func.count()).select_from(UseAlert).where(*where)).one() if newest else 0
    return count, newest


def open_ones(session: Session, *of: str) -> list[UseAlert]:
    """Those of these rules, whosever they are; for the worker."""
    statement = select(UseAlert).where(col(UseAlert.ended_at).is_(None), col(UseAlert.rule).in_(of))
    return list(session.exec(statement.order_by(col(UseAlert.id))))


def open_silences(session: Session) -> list[tuple[UseAlert, Key]]:
    """Of keys that were silent, with the keys; for the worker."""
    statement = select(UseAlert, Key).where(
        Key.id == UseAlert.key_id, UseAlert.rule == rules.SILENT, col(UseAlert.ended_at).is_(None)
    )
    return list(session.exec(statement.order_by(col(UseAlert.id))).all())


def _choice(one: UseAlertSetting) -> Choice:
    return Choice(
        off=frozenset(one.off),
        factor=one.factor,
        rate_calls=one.rate_calls,
        error_percent=one.error_percent,
        error_calls=one.error_calls,
        silent_days=one.silent_days,
    )
