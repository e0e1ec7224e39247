"""The worker's part in webhooks: what waits is claimed, sent and settled, each by itself.

Addresses are hostile until checked: everything goes out by core/net.py. Nothing is written while an endpoint is asked.
One message of each endpoint at a time, a few endpoints at once: who is slow keeps others waiting for one message.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Engine, func, update
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from app.core import clock as clocks
from app.core import net, vault
from app.core.config import Settings
from app.core.errors import PosternError
from app.core.net import Guard
from app.core.vault import Vault
from app.webhooks import services, signing
from app.webhooks.models import DELIVERED, WAITING, WebhookDelivery, WebhookEndpoint

log = logging.getLogger(__name__)

EVERY_S = 1.0
AT_ONCE = 4
TIMEOUT_S = 10.0
ANSWER_BYTES = 64 * 1024
KEPT = timedelta(days=30)
CLAIM = timedelta(minutes=1)
"""So long nobody else tries what somebody tries: longer than an endpoint is waited for."""
PAUSES = (5, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
"""Seconds after each try that did not work, as Standard Webhooks suggests: three days in all."""
GONE = 410
OUR_FAULT = "Something went wrong on our side. It is tried again."


class Outcome(NamedTuple):
    """status: of the answer, None without one. error: "" when it arrived. for_good: whether trying again is no use."""

    status: int | None
    error: str
    for_good: bool = False


def work(engine: Engine, settings: Settings, stop: threading.Event) -> None:
    """Deliver what waits until `stop` is set; in a thread of its own."""
    guard, safe = net.from_settings(settings), vault.from_settings(settings)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook") as pool:
        while not stop.wait(EVERY_S):
            try:
                run(engine, guard, safe, clock=clocks.now, pool=pool)
            except SQLAlchemyError:
                log.exception("webhooks.failing")


def run(
    engine: Engine, guard: Guard, safe: Vault, *, clock: Callable[[], datetime], pool: ThreadPoolExecutor | None = None
) -> int:
    """One message to each endpoint for which one is due; gives how many arrived. pool: to send several at once."""
    with Session(engine) as session:
        waiting = due(session, now=clock())

    def one(delivery_id: UUID) -> bool:
        return _one(engine, guard, safe, delivery_id, clock=clock)

    return sum(pool.map(one, waiting) if pool is not None else map(one, waiting))


def due(session: Session, *, now: datetime) -> list[UUID]:
    """The first of each endpoint that is switched on, oldest first."""
    place = func.row_number().over(
        partition_by=col(WebhookDelivery.endpoint_id),
        order_by=(col(WebhookDelivery.due_at), col(WebhookDelivery.queued_at), col(WebhookDelivery.id)),
    )
    numbered = (
        select(col(WebhookDelivery.id), col(WebhookDelivery.due_at), place.label("place"))
        .join(WebhookEndpoint, col(WebhookEndpoint.id) == col(WebhookDelivery.endpoint_id))
        .where(WebhookDelivery.state == WAITING, col(WebhookDelivery.due_at) <= now, col(WebhookEndpoint.is_enabled))
        .subquery()
    )
    return list(session.exec(select(numbered.c.id).where(numbered.c.place == 1).order_by(numbered.c.due_at)))


def tidy(session: Session, settings: Settings, now: datetime) -> int:
    """Forget what was dealt with long ago; gives how many rows."""
    return services.forget(session, before=now - KEPT)


def _one(engine: Engine, guard: Guard, safe: Vault, delivery_id: UUID, *, clock: Callable[[], datetime]) -> bool:
    with Session(engine, expire_on_commit=False) as session:
        delivery = _claim(session, delivery_id, now=clock())
        endpoint = session.get(WebhookEndpoint, delivery.endpoint_id) if delivery is not None else None
        session.commit()
        if delivery is None or endpoint is None:
            return False
        outcome = _send(guard, safe, endpoint, delivery, now=clock())
        _settle(session, endpoint, delivery, outcome, now=clock())
        session.commit()
        return not outcome.error


def _claim(session: Session, delivery_id: UUID, *, now: datetime) -> WebhookDelivery | None:
    statement = (
        update(WebhookDelivery)
        .where(col(WebhookDelivery.id) == delivery_id, col(WebhookDelivery.state) == WAITING)
        .where(col(WebhookDelivery.due_at) <= now)
        .values(due_at=now + CLAIM, tries=WebhookDelivery.tries + 1, tried_at=now)
        .returning(col(WebhookDelivery.id))
    )
    is_ours = session.execute(statement).first() is not None
    return session.get(WebhookDelivery, delivery_id, populate_existing=True) if is_ours else None


def _send(guard: Guard, safe: Vault, endpoint: WebhookEndpoint, delivery: WebhookDelivery, *, now: datetime) -> Outcome:
    body = delivery.body.encode()
    try:
        keys = services.secrets_of(endpoint, safe, now=now)
        headers = signing.headers(keys, delivery_id=delivery.id, body=body, at=now)
        answer = guard.fetch(
            endpoint.url,
            method="POST",
            headers={**headers, "Content-Type": "application/json"},
            body=body,
            timeout_s=TIMEOUT_S,
            max_bytes=ANSWER_BYTES,
        )
    except net.Forbidden as problem:
        return Outcome(None, problem.message, for_good=True)
    except PosternError as problem:
        return Outcome(None, problem.message)
    except Exception:  # a bug of ours; the others are to be sent all the same, and this one is not lost
        log.exception("webhook.broken", extra={"delivery_id": delivery.id})
        return Outcome(None, OUR_FAULT)
    if 200 <= answer.status < 300:
        return Outcome(answer.status, "")
    return Outcome(answer.status, f"It answered {answer.status}; only 200 to 299 is a yes.", answer.status == GONE)


def _settle(
    session: Session, endpoint: WebhookEndpoint, delivery: WebhookDelivery, outcome: Outcome, *, now: datetime
) -> None:
    delivery.status, delivery.error = outcome.status, outcome.error[:300]
    if not outcome.error:
        delivery.state = DELIVERED
    elif outcome.for_good or delivery.tries > len(PAUSES):
        services.give_up(delivery, outcome.error)
        log.warning("webhook.failed", extra={"delivery_id": delivery.id, "endpoint_id": endpoint.id})
    else:
        delivery.due_at = now + timedelta(seconds=PAUSES[delivery.tries - 1])
    session.add(delivery)
    if outcome.status == GONE:
        session.refresh(endpoint)
        if endpoint.is_enabled:  # its own wish, by the standard
            services.switch(session, endpoint=endpoint, is_enabled=False, person_id=None, now=now)
