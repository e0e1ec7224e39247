"""Applying what Stripe told us: the object that an event is about is fetched as it is now, and that is what holds.

Nothing is written while Stripe is asked, and nothing is asked while something is being written: on SQLite a transaction
that waits for another machine would hold up every call that the gateway wants to write down.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine
from sqlmodel import Session

from app.billing import events
from app.billing.models import DONE, IGNORED, StripeEvent
from app.billing.problems import Missing, StripeRefused
from app.billing.stripe_api import Found, StripeApi
from app.core.errors import PosternError

log = logging.getLogger(__name__)

AT_ONCE = 50
GIVES_UP_AFTER = 12
"""Tries, about four hours apart from the first to the last; the sweep and an operator come after that."""


@dataclass(frozen=True, slots=True)
class Handler:
    """fetch: the object that an event with this object_id is about, as it is now. apply: make it so here, in a
    transaction; harmless when it is so already. is_by_event: fetch gets the id of the event itself, for thin ones.
    """

    fetch: Callable[[StripeApi, str], Found]
    apply: Callable[[Session, Found, datetime], None]
    is_by_event: bool = False


Handlers = Mapping[str, Handler]
"""By type, or by its beginning with a dot at the end: “invoice.” is for every event of invoices."""


def run(engine: Engine, api: StripeApi, handlers: Handlers, *, clock: Callable[[], datetime]) -> int:
    """Apply what is due, each in a transaction of its own; gives how many were looked at."""
    with Session(engine, expire_on_commit=False) as session:
        waiting = events.due(session, api.mode, now=clock(), limit=AT_ONCE)
    for event in waiting:
        _one(engine, api, handler_of(handlers, event.type), event, clock=clock)
    return len(waiting)


def handler_of(handlers: Handlers, kind: str) -> Handler | None:
    """Who is for events of this type; None when it means nothing here."""
    found = handlers.get(kind)
    while found is None and "." in kind:
        kind = kind.rpartition(".")[0]
        found = handlers.get(kind + ".")
    return found


def _one(
    engine: Engine, api: StripeApi, handler: Handler | None, event: StripeEvent, *, clock: Callable[[], datetime]
) -> None:
    try:
        found = _fetch(api, handler, event)
    except Missing:
        found = None  # deleted since, so there is nothing to apply
    except PosternError as problem:
        _postpone(engine, event, problem, clock=clock)
        return
    try:
        with Session(engine) as session:
            if handler is not None and found is not None:
                handler.apply(session, found, clock())
            row = events.event(session, event.id)
            events.settled(row, DONE if handler is not None else IGNORED, now=clock())
            session.add(row)
            session.commit()
    except Exception as problem:  # one event that surprises us must not keep the others waiting
        log.exception("stripe_event.failed", extra={"event": event.id, "type": event.type})
        _postpone(engine, event, problem, clock=clock)


def _fetch(api: StripeApi, handler: Handler | None, event: StripeEvent) -> Found | None:
    if handler is None:
        return None
    about = event.id if handler.is_by_event else event.object_id
    return handler.fetch(api, about) if about else None


def _postpone(engine: Engine, event: StripeEvent, problem: Exception, *, clock: Callable[[], datetime]) -> None:
    last = 1 if isinstance(problem, StripeRefused) else GIVES_UP_AFTER
    why = problem.message if isinstance(problem, PosternError) else f"{type(problem).__name__}: {problem}"
    with Session(engine) as session:
        row = events.event(session, event.id)
        events.postponed(row, why, now=clock(), gives_up_after=last)
        session.add(row)
        session.commit()
