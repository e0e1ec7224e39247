"""Telling of unusual use: once, by mail to whom it concerns, by webhook, and in the list of alerts."""

from dataclasses import asdict
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID, uuid4

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from app.core import mail
from app.keys.models import Key
from app.organisations import queries as organisations
from app.organisations.models import Organisation
from app.unusual import rules
from app.unusual.found import Found
from app.unusual.models import UseAlert
from app.webhooks import services as webhooks
from app.webhooks.models import USAGE_UNUSUAL

TEMPLATE = "unusual_use"
PAGE = "/usage/alerts/"


def tell(session: Session, found: Found, *, now: datetime) -> bool:
    """False if it was told before, or is open, or the organisation is stopped: that its keys are silent is no news."""
    organisation = session.get(Organisation, found.organisation_id)
    if organisation is None or organisation.stopped_at is not None:
        return False
    alert_id = _write(session, found, now=now)
    if alert_id is None:
        return False
    if found.is_told:
        _mail(session, organisation, found, alert_id, now=now)
        data = _message(organisation, found)
        key = f"use_alert:{alert_id}"
        webhooks.tell(session, organisation_id=organisation.id, kind=USAGE_UNUSUAL, data=data, key=key, now=now)
    return True


def calls_path(rule: str, key_id: UUID | None, began_at: datetime) -> str:
    """The page of the calls behind an alert: of its hour, or of the day on which a key was used last."""
    if rule == rules.SILENT:
        day = f"{began_at:%Y-%m-%d}"
        query = {"period": "custom", "from": day, "to": day}
    else:
        hour = f"{began_at:%Y-%m-%dT%H}"
        query = {"period": "custom", "from": hour, "to": hour}
    if key_id is not None:
        query["key"] = str(key_id)
    if rule == rules.ERRORS:
        query["status"] = "failed"
    return f"/usage/calls/?{urlencode(query)}"


def _write(session: Session, found: Found, *, now: datetime) -> UUID | None:
    """The new alert's id; None if this one is there, or one about the same is open, from whomever."""
    make = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = make(UseAlert).values(id=uuid4(), at=now, why_ended="", **asdict(found)).on_conflict_do_nothing()
    return session.execute(statement.returning(col(UseAlert.id))).scalar()


def _mail(session: Session, organisation: Organisation, found: Found, alert_id: UUID, *, now: datetime) -> None:
    context: dict[str, mail.Words] = {
        "title": rules.WORDS[found.rule],
        "organisation": organisation.name,
        "words": found.words,
        "resolved": rules.RESOLVED[found.rule],
        "path": calls_path(found.rule, found.key_id, found.began_at),
        "settings": PAGE,
    }
    for address in _concerned(session, found):
        mail.queue(
            session,
            to=address,
            template=TEMPLATE,
            context=context,
            key=f"use_alert:{alert_id}",
            now=now,
            organisation_id=organisation.id,
        )


def _concerned(session: Session, found: Found) -> list[str]:
    """Of a key: its owner, and who runs the organisation. Of all calls: whoever may say what is unusual."""
    if found.key_id is None:
        return organisations.addresses_with(session, found.organisation_id, "alerts:write")
    owner_id = session.get_one(Key, found.key_id).owner_id
    return organisations.addresses_with(session, found.organisation_id, "organisation:write", or_person=owner_id)


def _message(organisation: Organisation, found: Found) -> dict[str, object]:
    return {
        "organisation": organisation.slug,
        "words": found.words,
        "rule": found.rule,
        "key_id": str(found.key_id) if found.key_id is not None else None,
        "place": found.place or None,
        "began_at": found.began_at.isoformat().replace("+00:00", "Z"),
    }
