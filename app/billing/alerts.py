"""Warnings at shares of caps, allowances and free units: each once for each limit as it stands, period and threshold.

What was warned of is a row with a key that says exactly that, written with the mail and the webhooks about it in one
transaction: whoever writes it first tells, however many workers look, however often. Rules:

- When several thresholds are passed in one moment, mail speaks of the highest only; webhooks of each.
- A limit with another amount is another limit. What a cap had passed already when its organisation set it, or
  when the thresholds were changed, is not told; that it is used up is told all the same.
- Used up is also what has refused a call since, although a smaller one would fit.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from app.billing import alert_words, watching
from app.billing.alert_models import USUAL, Alert, AlertSetting
from app.billing.watching import Watched
from app.core import mail
from app.core.errors import Invalid
from app.metering.models import Attempt
from app.organisations import recording
from app.organisations.models import Organisation
from app.plans import periods
from app.webhooks import services as webhooks
from app.webhooks.models import LIMIT_PASSED

MOST_THRESHOLDS = 6
REFUSED_WITHIN = timedelta(hours=1)
"""Refusals are looked at soon after they happen, so older ones have been told."""
HEARD = timedelta(seconds=2)
"""After a change gateways may refuse by the old amount for so long."""


def setting_of(session: Session, organisation_id: UUID) -> tuple[tuple[int, ...], bool]:
    """(thresholds in percent, ascending; whether they come by mail)."""
    found = session.get(AlertSetting, organisation_id)
    return (USUAL, True) if found is None else (tuple(found.thresholds), found.by_mail)


def choose(
    session: Session,
    organisation: Organisation,
    *,
    thresholds: Iterable[int],
    by_mail: bool,
    currency: str,
    person_id: UUID | None,
    now: datetime,
) -> None:
    """Warn at these from now on. Raises Invalid."""
    wanted = sorted(set(thresholds))
    if len(wanted) > MOST_THRESHOLDS or not all(1 <= one <= 100 for one in wanted):
        raise Invalid(f"Give at most {MOST_THRESHOLDS} numbers from 1 to 100, such as “50, 80, 100”.")
    found = session.get(AlertSetting, organisation.id)
    was = ", ".join(map(str, found.thresholds if found is not None else USUAL)) or "none"
    setting = found or AlertSetting(organisation_id=organisation.id, thresholds=[], changed_at=now)
    setting.thresholds, setting.by_mail, setting.changed_at = wanted, by_mail, now
    session.add(setting)
    said = f"{', '.join(map(str, wanted)) or 'none'}{'' if by_mail else ', not by mail'}"
    details = {"thresholds": said, "was": was}
    recording.record(session, organisation, "alerts.set", details, person_id=person_id, now=now)
    begin_anew(session, organisation, currency=currency, now=now)


def begin_anew(session: Session, organisation: Organisation, *, currency: str, now: datetime) -> None:
    """Know what is passed already as passed, and say nothing of it; that something is used up is left to be told."""
    thresholds, _ = setting_of(session, organisation.id)
    for one in watching.of(session, organisation, currency=currency, now=now):
        for threshold in thresholds:
            if threshold < 100 and _is_passed(one, threshold):
                _write(session, organisation.id, one, threshold, is_told=False, now=now)


def look(session: Session, organisation: Organisation, *, currency: str, mode: str, now: datetime) -> int:
    """Tell what was passed and not told yet, in the period that holds `now` and, for a while, in the one before it;
    gives how much was told. mode: of Stripe, for where bills go.
    """
    told = 0
    for at in _moments(now):
        found = watching.of(session, organisation, currency=currency, now=at)
        refused = _refused(session, organisation.id, found, now=now)
        thresholds, by_mail = setting_of(session, organisation.id)
        for one in found:
            passed = [
                threshold
                for threshold in thresholds
                if _is_passed(one, threshold) or (threshold == 100 and one.rule and one.rule.id in refused)
            ]
            told += _tell(session, organisation, one, passed, by_mail=by_mail, mode=mode, now=now)
    return told


def recent(session: Session, organisation_id: UUID, *, limit: int) -> list[Alert]:
    """What was told, newest first."""
    statement = (
        select(Alert)
        .where(Alert.organisation_id == organisation_id, col(Alert.is_told))
        .order_by(col(Alert.at).desc(), col(Alert.threshold).desc(), col(Alert.id))
        .limit(limit)
    )
    return list(session.exec(statement))


def _moments(now: datetime) -> tuple[datetime, ...]:
    """What was used in a day's last seconds is looked at when that day is over already."""
    day_at = periods.start_of(periods.DAY, now)
    return (now, day_at - timedelta(microseconds=1)) if now - day_at < REFUSED_WITHIN else (now,)


def _is_passed(one: Watched, threshold: int) -> bool:
    is_meant = one.rule is None or one.rule.since < one.ends_at  # it did not stand yet in a period that was over
    return one.most > 0 and 100 * one.used >= threshold * one.most and is_meant


def _refused(session: Session, organisation_id: UUID, found: Sequence[Watched], *, now: datetime) -> set[UUID]:
    """Limits that have refused a call, as they stand, within their period."""
    rules = {one.rule.id: one for one in found if one.rule is not None and one.most > 0}
    if not rules:
        return set()
    statement = (
        select(Attempt.rule_id, Attempt.at)
        .where(Attempt.organisation_id == organisation_id, col(Attempt.at) > now - REFUSED_WITHIN)
        .where(col(Attempt.rule_id).in_(rules))
    )
    return {
        rule_id
        for rule_id, at in session.exec(statement)
        if rule_id is not None
        and (one := rules[rule_id]).begins_at <= at < one.ends_at
        and one.rule
        and at > one.rule.since + HEARD
    }


def _tell(
    session: Session,
    organisation: Organisation,
    one: Watched,
    passed: Sequence[int],
    *,
    by_mail: bool,
    mode: str,
    now: datetime,
) -> int:
    fresh: list[tuple[int, UUID]] = []
    for threshold in sorted(passed, reverse=True):
        alert_id = _write(session, organisation.id, one, threshold, is_told=not fresh, now=now)
        if alert_id is not None:
            fresh.append((threshold, alert_id))
    for threshold, alert_id in reversed(fresh):
        data = alert_words.message(organisation, one, threshold)
        key = f"limit_alert:{alert_id}"
        webhooks.tell(session, organisation_id=organisation.id, kind=LIMIT_PASSED, data=data, key=key, now=now)
    if not fresh:
        return 0
    threshold, alert_id = fresh[0]
    if by_mail:
        context = alert_words.letter(organisation, one, threshold)
        for address in alert_words.recipients(session, organisation, mode=mode):
            mail.queue(
                session,
                to=address,
                template="limit_alert",
                context=context,
                key=f"limit_alert:{alert_id}",
                now=now,
                organisation_id=organisation.id,
            )
    return len(fresh)


def _write(
    session: Session, organisation_id: UUID, one: Watched, threshold: int, *, is_told: bool, now: datetime
) -> UUID | None:
    """The alert's id; None if it is there already, from whomever."""
    row = {
        "organisation_id": organisation_id,
        "key": f"{one.place} {one.most} {one.begins_at:%Y-%m-%d} {threshold}",
        "threshold": threshold,
        "words": alert_words.sentence(one, threshold),
        "most": one.most,
        "used": one.used,
        "is_told": is_told,
        "at": now,
    }
    return write_once(session, row)


def write_once(session: Session, row: Mapping[str, object]) -> UUID | None:
    """The new row's id; None if its key is there already. row: everything of Alert but the id."""
    make = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = make(Alert).values(id=uuid4(), **row).on_conflict_do_nothing(index_elements=["organisation_id", "key"])
    return session.execute(statement.returning(col(Alert.id))).scalar()
