"""Webhooks of organisations: endpoints with their secrets, and what is to be told to them.

person_id, everywhere: who asks; None for a program and for the worker.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import delete, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from app.core import audit, db
from app.core.errors import Conflict, LimitReached
from app.core.net import Guard
from app.core.vault import Vault
from app.organisations.models import Organisation
from app.webhooks import queries, signing
from app.webhooks.models import AUDIT_ENTRY, FAILED, TEST, WAITING, WebhookDelivery, WebhookEndpoint

MOST_ENDPOINTS = 10
OVERLAP = timedelta(hours=24)
"""For so long the secret before signs, too, when there is a new one."""


def place_of(endpoint_id: UUID) -> str:
    """What its secrets are sealed for."""
    return f"webhook.secret:{endpoint_id}"


def add(
    session: Session,
    *,
    organisation: Organisation,
    url: str,
    guard: Guard,
    safe: Vault,
    with_audit: bool = False,
    person_id: UUID | None,
    now: datetime,
) -> tuple[WebhookEndpoint, str]:
    """The endpoint, and its secret, which is not to be had again. Raises Invalid for an address that can never be
    called, LimitReached when there are too many.
    """
    guard.check_url(url)
    if len(queries.endpoints_of(session, organisation.id)) >= MOST_ENDPOINTS:
        raise LimitReached(f"There are {MOST_ENDPOINTS} webhooks already. Remove one first.")
    secret, endpoint_id = signing.new_secret(), uuid4()
    endpoint = WebhookEndpoint(
        id=endpoint_id,
        organisation_id=organisation.id,
        url=url,
        secret=safe.seal(secret, place=place_of(endpoint_id)),
        created_at=now,
        audit_since=now if with_audit else None,
    )
    session.add(endpoint)
    _record(session, endpoint, "webhook.added", person_id=person_id, now=now)
    return endpoint, secret


def roll(session: Session, *, endpoint: WebhookEndpoint, safe: Vault, person_id: UUID | None, now: datetime) -> str:
    """A new secret; the one before signs beside it for OVERLAP."""
    secret = signing.new_secret()
    endpoint.former, endpoint.former_until = endpoint.secret, now + OVERLAP
    endpoint.secret = safe.seal(secret, place=place_of(endpoint.id))
    session.add(endpoint)
    _record(session, endpoint, "webhook.secret_changed", person_id=person_id, now=now)
    return secret


def switch(
    session: Session, *, endpoint: WebhookEndpoint, is_enabled: bool, person_id: UUID | None, now: datetime
) -> None:
    """Off: nothing is queued and nothing is sent. On: what waited goes on. Raises Conflict if it is so already."""
    if endpoint.is_enabled == is_enabled:
        raise Conflict(f"The webhook is {'on' if is_enabled else 'off'} already.")
    endpoint.is_enabled = is_enabled
    session.add(endpoint)
    action = "webhook.switched_on" if is_enabled else "webhook.switched_off"
    _record(session, endpoint, action, person_id=person_id, now=now)


def follow_audit(
    session: Session, *, endpoint: WebhookEndpoint, is_on: bool, person_id: UUID | None, now: datetime
) -> None:
    """On: it is told of each entry of the audit log from this moment on. Raises Conflict if it is so already."""
    if (endpoint.audit_since is not None) == is_on:
        raise Conflict(f"The audit log is {'sent there already' if is_on else 'not sent there'}.")
    endpoint.audit_since, endpoint.audit_place = now if is_on else None, None
    session.add(endpoint)
    action = "webhook.audit_on" if is_on else "webhook.audit_off"
    _record(session, endpoint, action, person_id=person_id, now=now)


def remove(session: Session, *, endpoint: WebhookEndpoint, person_id: UUID | None, now: datetime) -> None:
    """It is told nothing any more, and its secret is gone; what waits is given up."""
    endpoint.removed_at, endpoint.is_enabled, endpoint.secret, endpoint.former = now, False, "", ""
    session.add(endpoint)
    waiting = update(WebhookDelivery).where(
        col(WebhookDelivery.endpoint_id) == endpoint.id, col(WebhookDelivery.state) == WAITING
    )
    session.execute(waiting.values(state=FAILED, error="The webhook was removed."))
    _record(session, endpoint, "webhook.removed", person_id=person_id, now=now)


def tell(
    session: Session, *, organisation_id: UUID, kind: str, data: Mapping[str, object], key: str, now: datetime
) -> int:
    """Have every endpoint that wants this kind told, once the caller's transaction is committed; the same key once.

    Gives how many were not queued before. data: JSON; money as decimal text.
    """
    wanting = [one for one in queries.endpoints_of(session, organisation_id) if one.is_enabled]
    wanting = [one for one in wanting if not one.kinds or kind in one.kinds]
    return sum(_queue(session, one, kind=kind, data=data, key=key, now=now) for one in wanting)


def tell_of_entry(
    session: Session, *, endpoint: WebhookEndpoint, data: Mapping[str, object], key: str, at: datetime, due_at: datetime
) -> bool:
    """Have one endpoint told of an entry of the audit log, written at `at`; gives False if it was before. due_at: in
    the order in which they are to arrive.
    """
    return _queue(session, endpoint, kind=AUDIT_ENTRY, data=data, key=key, now=at, due_at=due_at)


def send_test(session: Session, *, endpoint: WebhookEndpoint, now: datetime) -> None:
    """One message that says nothing. Raises Conflict while it is off, or another test waits."""
    if not endpoint.is_enabled:
        raise Conflict("The webhook is off. Switch it on first.")
    waiting = select(WebhookDelivery.id).where(
        WebhookDelivery.endpoint_id == endpoint.id, WebhookDelivery.kind == TEST, WebhookDelivery.state == WAITING
    )
    if session.exec(waiting.limit(1)).first() is not None:
        raise Conflict("A test is on its way already.")
    _queue(session, endpoint, kind=TEST, data={"words": "This is a test."}, key=f"test:{uuid4()}", now=now)


def again(session: Session, *, endpoint: WebhookEndpoint, delivery: WebhookDelivery, now: datetime) -> None:
    """Deliver the same message once more, under the same id. Raises Conflict for one that waits, or while it is off."""
    if not endpoint.is_enabled:
        raise Conflict("The webhook is off. Switch it on first.")
    if delivery.state == WAITING:
        raise Conflict("It is waiting to be delivered already.")
    delivery.state, delivery.tries, delivery.due_at, delivery.error = WAITING, 0, now, ""
    session.add(delivery)
    session.flush()


def secrets_of(endpoint: WebhookEndpoint, safe: Vault, *, now: datetime) -> list[str]:
    """What signs now, the newest first. Raises vault.CannotOpen."""
    place = place_of(endpoint.id)
    found = [safe.open(endpoint.secret, place=place)]
    if endpoint.former and endpoint.former_until is not None and now < endpoint.former_until:
        found.append(safe.open(endpoint.former, place=place))
    return found


def reseal(session: Session, safe: Vault) -> int:
    """Seal all secrets with the first key; gives how many endpoints that changed. Raises vault.CannotOpen."""
    resealed = 0
    for endpoint in session.exec(select(WebhookEndpoint).where(col(WebhookEndpoint.removed_at).is_(None))):
        place = place_of(endpoint.id)
        if not safe.is_current(endpoint.secret) or (endpoint.former and not safe.is_current(endpoint.former)):
            endpoint.secret = safe.reseal(endpoint.secret, place=place)
            endpoint.former = safe.reseal(endpoint.former, place=place) if endpoint.former else ""
            session.add(endpoint)
            resealed += 1
    session.flush()
    return resealed


def forget(session: Session, *, before: datetime) -> int:
    """Delete what was delivered or given up and queued before; gives how many."""
    statement = delete(WebhookDelivery).where(
        col(WebhookDelivery.queued_at) < before, col(WebhookDelivery.state) != WAITING
    )
    return db.changed_rows(session, statement)


def give_up(delivery: WebhookDelivery, why: str) -> None:
    """Nobody tries it any more, unless somebody asks for it."""
    delivery.state, delivery.error = FAILED, why[:300]


def _queue(
    session: Session,
    endpoint: WebhookEndpoint,
    *,
    kind: str,
    data: Mapping[str, object],
    key: str,
    now: datetime,
    due_at: datetime | None = None,
) -> bool:
    """now: when it happened. due_at: when to send it; at once if it is not said."""
    said = {"type": kind, "timestamp": now.isoformat().replace("+00:00", "Z"), "data": data}
    row = {
        "id": uuid4(),
        "endpoint_id": endpoint.id,
        "key": key,
        "kind": kind,
        "body": json.dumps(said, ensure_ascii=False, separators=(",", ":")),
        "state": WAITING,
        "tries": 0,
        "due_at": due_at or now,
        "queued_at": due_at or now,
        "error": "",
    }
    make = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = make(WebhookDelivery).values(**row).on_conflict_do_nothing(index_elements=["endpoint_id", "key"])
    return session.execute(statement.returning(col(WebhookDelivery.id))).first() is not None


def _record(session: Session, endpoint: WebhookEndpoint, action: str, *, person_id: UUID | None, now: datetime) -> None:
    """The address without its query, which may hold a secret of theirs."""
    audit.record(
        session,
        action=action,
        now=now,
        organisation_id=endpoint.organisation_id,
        person_id=person_id,
        subject_id=endpoint.id,
        details={"url": endpoint.url.partition("?")[0][:200]},
    )
    session.flush()
