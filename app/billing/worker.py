"""The worker's part in paying: threads of its own, because Stripe may be slow, and nothing else is to wait for it."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from app.billing import (
    applying,
    charging,
    delivery,
    events,
    minimums,
    modes,
    parting,
    planned,
    reconciling,
    stocking,
    stripe_api,
    top_up_invoices,
    usage,
)
from app.billing.handlers import HANDLERS
from app.billing.problems import NoStripe
from app.billing.stripe_api import StripeApi
from app.core import clock
from app.core.config import Settings
from app.core.errors import Conflict, PosternError

log = logging.getLogger(__name__)

DELIVER_S = 5.0
LOOKS_AGAIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Task:
    """Something to do every `every_s` seconds. run: opens its own transactions, and holds none while Stripe is asked;
    gives how many things it dealt with.
    """

    name: str
    every_s: float
    run: Callable[[Engine, StripeApi, Settings], int]


def apply_events(engine: Engine, api: StripeApi, settings: Settings) -> int:
    """What webhooks and sweeps have stored."""
    return applying.run(engine, api, HANDLERS, clock=clock.now)


def sweep_events(engine: Engine, api: StripeApi, settings: Settings) -> int:
    """What webhooks missed."""
    now: datetime = clock.now()
    with Session(engine) as session:
        since = events.sweep_from(session, api.mode, now=now)
    missed = events.fetch_missed(api, since=since)
    with Session(engine) as session:
        found = events.store_missed(session, missed, mode=api.mode, now=now)
        session.commit()
    return found


def keep_plans(engine: Engine, api: StripeApi, settings: Settings) -> int:
    """What is planned here and not there."""
    return planned.run(engine, api, clock=clock.now)


def fill_stock(engine: Engine, api: StripeApi, settings: Settings) -> int:
    """What can be bought."""
    return STOCK.fill(engine, api, clock=clock.now)


def cut_usage(engine: Engine, api: StripeApi, settings: Settings) -> int:
    """What was used, as ranges for meters."""
    return usage.cut_all(engine, api.mode, now=clock.now())


def deliver_usage(engine: Engine, api: StripeApi, settings: Settings) -> int:
    """Those ranges, to the meters."""
    return delivery.run(engine, api, clock=clock.now)


def top_up(engine: Engine, api: StripeApi, settings: Settings) -> int:
    """Credit that runs low, where more of it is to be bought by itself."""
    return charging.run(engine, api, takes_tax=settings.stripe_tax, clock=clock.now)


def invoice_top_ups(engine: Engine, api: StripeApi, settings: Settings) -> int:
    """What was bought so."""
    return top_up_invoices.run(engine, api, clock=clock.now)


def reconcile(engine: Engine, api: StripeApi, settings: Settings) -> int:
    """The ledger against Stripe, once a night and before a month's invoices; gives how many findings are open."""
    with Session(engine) as session:
        if not reconciling.is_due(session, api.mode, now=clock.now()):
            return 0
    return reconciling.run(engine, api, clock=clock.now).findings


def bill_minimums(engine: Engine, api: StripeApi, settings: Settings) -> int:
    """What is missing up to what a month costs at least."""
    return minimums.run(engine, api, clock=clock.now)


def part(engine: Engine, api: StripeApi, settings: Settings) -> int:
    """What is paid for by organisations whose time has come."""
    return parting.run(engine, api, clock=clock.now)


STOCK = stocking.Stock()
RECONCILE = (Task("reconcile", 60, reconcile),)
TOP_UP = (Task("top_up", 1, top_up), Task("invoice_top_ups", 5, invoice_top_ups))
TASKS = (Task("apply_events", 1, apply_events), Task("sweep_events", 3600, sweep_events))
PLANS = Task("keep_plans", 60, keep_plans)
PART = Task("part", 60, part)


def usage_tasks(settings: Settings) -> tuple[Task, ...]:
    """For a thread of their own: they may wait for Stripe a thousand times, and what it tells us must not wait."""
    every_s = settings.usage_every_s
    return (
        Task("fill_stock", 30, fill_stock),
        PLANS,
        PART,
        Task("cut_usage", every_s, cut_usage),
        Task("deliver_usage", min(every_s, DELIVER_S), deliver_usage),
        Task("bill_minimums", 60, bill_minimums),
    )


def start(engine: Engine, settings: Settings, stop: threading.Event) -> list[threading.Thread]:
    """Threads that do all of it until `stop` is set."""
    work_of = {"stripe": TASKS, "usage": usage_tasks(settings), "reconcile": RECONCILE, "top_up": TOP_UP}
    threads = [
        threading.Thread(target=work, args=(engine, settings, stop, tasks), name=name, daemon=True)
        for name, tasks in work_of.items()
    ]
    for thread in threads:
        thread.start()
    return threads


def work(engine: Engine, settings: Settings, stop: threading.Event, tasks: Sequence[Task]) -> None:
    """Do each task when it is due, until `stop` is set; nothing at all where Stripe is not set up."""
    try:
        api = stripe_api.from_settings(settings)
    except NoStripe:
        return
    while not stop.is_set() and not _is_of_this_mode(engine, api):
        stop.wait(LOOKS_AGAIN_S)
    due = {task.name: monotonic() for task in tasks}
    while not stop.is_set():
        for task in tasks:
            if due[task.name] <= monotonic() and not stop.is_set():
                run_once(engine, api, settings, task)
                due[task.name] = monotonic() + task.every_s
        stop.wait(max(0.0, min(due.values()) - monotonic()))


def _is_of_this_mode(engine: Engine, api: StripeApi) -> bool:
    """Whether nothing here belongs to Stripe's other mode; nothing is done before."""
    try:
        with Session(engine) as session:
            modes.check(session, api.mode)
    except Conflict as problem:
        log.error("stripe.other_mode", extra={"why": problem.message})
        return False
    except SQLAlchemyError:
        log.exception("stripe.other_mode")
        return False
    return True


def run_once(engine: Engine, api: StripeApi, settings: Settings, task: Task) -> None:
    """One task; what goes wrong is logged, and tried again when it is next due."""
    try:
        rows = task.run(engine, api, settings)
    except PosternError as problem:
        log.warning("stripe_task.failed", extra={"task": task.name, "why": problem.message})
    except SQLAlchemyError:
        log.exception("stripe_task.failed", extra={"task": task.name})
    else:
        if rows:
            log.info("stripe_task.done", extra={"task": task.name, "rows": rows})
