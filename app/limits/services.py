"""Setting and removing limits."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from app.core import audit, changes
from app.core.errors import Conflict, Invalid
from app.integrations.models import Integration
from app.keys.models import Key
from app.limits import models, queries, wording
from app.limits.models import LimitRule
from app.limits.rules import KEY, ORGANISATION, RATES
from app.organisations.models import Organisation
from app.plans import amounts, periods

SETTERS = ("plan", "organisation", "operator", models.BILLING)
ALLOWANCES = (periods.DAY, periods.MONTH)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which calls a limit is for: None and "" select all. per: "key" or "organisation" counts each by itself."""

    organisation: Organisation | None = None
    key: Key | None = None
    integration: Integration | None = None
    tool: str = ""
    per: str = ""


def set_limit(
    session: Session,
    *,
    selection: Selection,
    measure: str,
    period: str,
    most: int,
    set_by: str = "operator",
    action: str = models.STOP,
    currency: str = "",
    person_id: UUID | None = None,
    now: datetime,
) -> LimitRule:
    """At most `most` from now on; gateways know it within a second of the commit. A limit for the very same calls and
    period is changed rather than followed by another, and what was used of it stays used.

    action: what happens beyond an allowance or cap. currency: of a cap, for the audit trail. Raises Invalid for what
    cannot be meant, Conflict if it is so already.
    """
    _check(selection, measure=measure, period=period, most=most, set_by=set_by)
    _check_action(action, period=period)
    rule = queries.like(session, selection_of(selection), measure=measure, period=period, set_by=set_by)
    was = _in_words(rule, currency) if rule is not None else "none"
    if rule is not None and rule.most == most and rule.action == action:
        raise Conflict("That limit is set already.")
    if rule is not None and {rule.action, action} != {models.STOP}:
        _retire(session, rule, now=now)
        rule = None
    if rule is None:
        rule = LimitRule(
            name=_name(selection, measure=measure, period=period),
            **selection_of(selection),
            measure=measure,
            period=period,
            most=most,
            set_by=set_by,
            action=action,
            created_at=now,
        )
    rule.most, rule.changed_at = most, now
    session.add(rule)
    session.flush()
    details = {"limit": _in_words(rule, currency), "was": was}
    _tell(session, rule=rule, action="limit.set", person_id=person_id, now=now, details=details)
    return rule


def remove(
    session: Session, *, rule: LimitRule, currency: str = "", person_id: UUID | None = None, now: datetime
) -> None:
    """Lift a limit within a second. What was counted stays, for whoever asks about it later."""
    details = {"limit": _in_words(rule, currency)}
    _tell(session, rule=rule, action="limit.removed", person_id=person_id, now=now, details=details)
    session.delete(rule)
    session.flush()


def selection_of(selection: Selection) -> dict[str, Any]:
    """The columns by which a rule selects calls."""
    return {
        "organisation_id": selection.organisation and selection.organisation.id,
        "key_id": selection.key and selection.key.id,
        "integration_id": selection.integration and selection.integration.id,
        "tool": selection.tool,
        "per": selection.per,
    }


def _check(selection: Selection, *, measure: str, period: str, most: int, set_by: str) -> None:
    if measure == models.STREAMS and period:
        raise Invalid("Streams are counted while they are open, not per period: “streams 20”.")
    if measure == models.CALLS and period not in (*RATES, *ALLOWANCES):
        raise Invalid("Calls are limited per second, minute, hour, day or month: “calls 600/minute”.")
    if measure == models.SPEND and period not in ALLOWANCES:
        raise Invalid("Spending is capped per day or month: “spend 50.00usd/month”.")
    if measure not in models.MEASURES or set_by not in SETTERS:
        raise Invalid("Limit calls, streams or spend.")
    if not 0 <= most <= (2**62 if measure == models.SPEND else wording.LARGEST):
        raise Invalid("That is not a number that could be reached.")
    if selection.per not in ("", KEY, ORGANISATION):
        raise Invalid("Count per key or per organisation, or leave it out to count all together.")
    if selection.tool and selection.integration is None:
        raise Invalid("Say which integration the tool belongs to.")
    if measure == models.STREAMS and selection.tool:
        raise Invalid("Streams belong to no tool.")
    if selection.key is not None:
        if selection.organisation is not None and selection.key.organisation_id != selection.organisation.id:
            raise Invalid(f"“{selection.key.name}” is not a key of “{selection.organisation.name}”.")
        if selection.per == ORGANISATION:
            raise Invalid("A limit for one key is counted for that key.")


def _check_action(action: str, *, period: str) -> None:
    if action not in models.ACTIONS:
        raise Invalid("At the limit calls stop, slow down, or go on and you are notified: stop, slow or notify.")
    if action != models.STOP and period not in ALLOWANCES:
        raise Invalid("Only what counts a day or a month can slow down or notify.")


def _in_words(rule: LimitRule, currency: str) -> str:
    """“spend $50.00/month, slow”: as the audit trail keeps it; in 1e-9 of a minor unit where no currency is known."""
    then = "" if rule.action == models.STOP else f", {rule.action}"
    most = amounts.recorded(rule.most, currency=currency) if currency and rule.measure == models.SPEND else rule.most
    return f"{rule.measure} {most}{f'/{rule.period}' if rule.period else ''}{then}"


def _retire(session: Session, rule: LimitRule, *, now: datetime) -> None:
    """Another takes its place under another id, and begins with what the ledger says: what passed beyond a limit that
    only slows or notifies was never counted against it.
    """
    changes.record(session, kind="limit", subject_id=rule.id, now=now)
    session.delete(rule)
    session.flush()


def _name(selection: Selection, *, measure: str, period: str) -> str:
    """Short, ASCII, and telling: headers say it."""
    whose = KEY if selection.key is not None or selection.per == KEY else ""
    whose = whose or (ORGANISATION if selection.organisation is not None or selection.per else "all")
    where = selection.integration.slug if selection.integration is not None else ""
    return "-".join(filter(None, (whose, where, selection.tool, measure, period)))[:80]


def _whom(session: Session, rule: LimitRule) -> str:
    """“the key “ci” at greet”: what of an organisation a limit is for; "" for all of it."""
    key = session.get(Key, rule.key_id) if rule.key_id is not None else None
    integration = session.get(Integration, rule.integration_id) if rule.integration_id is not None else None
    whose = f"the key “{key.name}”" if key is not None else f"each {rule.per}" if rule.per else ""
    where = " · ".join(filter(None, (integration.slug, rule.tool))) if integration is not None else ""
    return " at ".join(filter(None, (whose, where)))


def _tell(
    session: Session,
    *,
    rule: LimitRule,
    action: str,
    person_id: UUID | None,
    now: datetime,
    details: dict[str, str],
) -> None:
    changes.record(session, kind="limit", subject_id=rule.id, now=now)
    audit.record(
        session,
        action=action,
        now=now,
        organisation_id=rule.organisation_id,
        person_id=person_id,
        subject_id=rule.id,
        details={"name": rule.name, "for": _whom(session, rule), **details},
    )
