"""The worker: work that can wait, done at its own pace, each piece in a transaction of its own.

Run by `python -m app.jobs`. Several workers may run at once: every job here is safe to repeat.
"""

import logging
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Protocol

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from app.accounts import services as accounts
from app.api import answers as api_answers
from app.api import ending as admin_keys
from app.billing import lookout, owing_mail, running_low, wallet
from app.billing import worker as billing
from app.core import changes, clock, config, db, logs, mail_sending, vault
from app.core.config import Settings
from app.core.errors import Invalid
from app.integrations import queries as integrations
from app.integrations import refreshing
from app.keys import ending, rotation, seen
from app.leaks import telling as leaks
from app.limits import entitlements, raising, undertaker
from app.metering import attempts, audit_chain, crowds, drained, idempotency, sealing
from app.metering.ledger_connection import LedgerConnection
from app.metering.spool import Spool
from app.plans import moving, owing, succession
from app.team import deleting, domain_watch
from app.trail import streaming
from app.unusual import watch as use
from app.webhooks import sending as webhooks

log = logging.getLogger(__name__)

STOP_S = 5.0
"""An answer from outside is not waited for any longer when we are to stop: asking again does no harm."""

CHANGES_KEPT = timedelta(days=7)
"""Gateways read the feed five times a second and everything at start: a week is for people who look into it."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do every `every_s` seconds; `run` answers how many rows it dealt with."""

    name: str
    every_s: float
    run: Callable[[Session, Settings, datetime], int]


class _Alone(Protocol):
    """Work that needs no settings."""

    def __call__(self, session: Session, *, now: datetime) -> int: ...


def _alone(run: _Alone) -> Callable[[Session, Settings, datetime], int]:
    return lambda session, _, now: run(session, now=now)


def _forget_attempts(session: Session, settings: Settings, now: datetime) -> int:
    before = now - timedelta(hours=settings.attempts_kept_hours)
    return attempts.forget(session, before=before) + crowds.forget(session, before=before)


def _forget_sessions(session: Session, settings: Settings, now: datetime) -> int:
    return accounts.forget_sessions(
        session,
        idle=timedelta(minutes=settings.session_idle_minutes),
        absolute=timedelta(hours=settings.session_absolute_hours),
        now=now,
    )


def _forget_changes(session: Session, settings: Settings, now: datetime) -> int:
    return changes.forget(session, before=now - CHANGES_KEPT)


def _seal_events(session: Session, settings: Settings, now: datetime) -> int:
    """Page by page, each committed by itself, so that gateways get their turn in between; what comes meanwhile waits
    for the next time, so that other jobs get theirs.
    """
    sealed = 0
    box = vault.from_settings(settings)
    for seal in (SEALER.run, AUDIT_SEALER.run):
        count = sealing.PAGE
        while count == sealing.PAGE:
            count = seal(session, box, now=now)
            session.commit()
            sealed += count
    return sealed


def _forget_answers(session: Session, settings: Settings, now: datetime) -> int:
    return idempotency.forget(session, before=now - timedelta(hours=settings.answers_kept_hours))


def _refresh_tools(session: Session, settings: Settings, now: datetime) -> int:
    """One integration after the other, each in a transaction of its own that is only begun once it has answered."""
    means = refreshing.means(settings)
    due = integrations.due(session, before=now - timedelta(seconds=settings.tools_refresh_s))
    for integration_id in due:
        try:
            refreshing.refresh_one(session, integration_id, means, clock=clock.now)
            session.commit()
        except Exception:  # one that surprises us must not keep the others from being looked at
            log.exception("integration.refresh_failed", extra={"integration_id": integration_id})
            session.rollback()
    return len(due)


def _return_leases(session: Session, settings: Settings, now: datetime) -> int:
    """What the dead of this machine spent is written down before what they held is given to others."""
    if not _adopt(session, settings):
        return 0
    return UNDERTAKER.run(session, dead_after_s=settings.dead_after_s)


def _adopt(session: Session, settings: Settings) -> bool:
    """Whether there is nothing more to be written down, as far as this can be."""
    connection = LedgerConnection(session.get_bind())  # type: ignore[arg-type]  # an engine: run_once makes sessions of it
    try:
        drained.adopt(connection, Spool(settings.spool_dir, database_url=settings.database_url, max_bytes=0))
    except Exception as problem:
        log.exception("spool.failing")
        return not connection.is_passing(problem)
    finally:
        connection.discard()
    return True


def _apply_subscriptions(session: Session, settings: Settings, now: datetime) -> int:
    """What was planned for this moment, whose days of grace are over, what was raised until now, and then what plans
    allow.
    """
    begun = succession.apply_due(session, now=now)
    stopped = owing.stop_overdue(session, grace=settings.grace, now=now)
    ended = raising.end_due(session, now=now)
    return begun + stopped + ended + entitlements.apply_due(session, now=now)


def _move_to_new_plans(session: Session, settings: Settings, now: datetime) -> int:
    """Page by page, each committed by itself."""
    planned = 0
    while count := moving.carry_on(session, now=now):
        session.commit()
        planned += count
    return planned


def _tell_owing(session: Session, settings: Settings, now: datetime) -> int:
    return owing_mail.tell_due(session, grace=settings.grace, mode=settings.stripe_mode, now=now)


def _settle_credit(session: Session, settings: Settings, now: datetime) -> int:
    """And tell whose is used up, or soon will be."""
    settled = wallet.settle_all(session, now=now)
    return settled + running_low.tell_due(session, mode=settings.stripe_mode, now=now)


def _tell_endings(session: Session, settings: Settings, now: datetime) -> int:
    return ending.tell_due(session, now=now) + admin_keys.tell_due(session, now=now)


def _stream_audit(session: Session, settings: Settings, now: datetime) -> int:
    """Page by page, each committed by itself, and later than the one before."""
    told = 0
    while True:
        page = streaming.carry_on(session, now=clock.now(), itself=settings.product_name)
        session.commit()
        told += page.told
        if not page.has_more:
            return told


def _enrol(session: Session, settings: Settings, now: datetime) -> int:
    """Organisations that came in by another way than the portal get the default plan, too."""
    return succession.enrol(session, now=now)


SEALER = sealing.Sealer()
AUDIT_SEALER = audit_chain.AuditSealer()
UNDERTAKER = undertaker.Undertaker()
JOBS = (
    Job("return_leases", 5, _return_leases),
    Job("apply_subscriptions", 5, _apply_subscriptions),
    Job("tell_leaks", 1, _alone(leaks.tell_due)),
    Job("tell_owing", 60, _tell_owing),
    Job("tell_endings", 300, _tell_endings),
    Job("expire_credit", 5, _alone(wallet.expire_due)),
    Job("settle_credit", 60, _settle_credit),
    Job("enrol", 60, _enrol),
    Job("delete_organisations", 60, _alone(deleting.carry_out)),
    Job("stream_audit", 5, _stream_audit),
    Job("move_to_new_plans", 30, _move_to_new_plans),
    Job("forget_attempts", 300, _forget_attempts),
    Job("forget_sessions", 600, _forget_sessions),
    Job("forget_changes", 3600, _forget_changes),
    Job("forget_answers", 600, _forget_answers),
    Job("forget_api_answers", 3600, _alone(api_answers.forget)),
    Job("retire_secrets", 30, _alone(rotation.retire_due)),
    Job("tidy_key_uses", 600, _alone(seen.tidy)),
    Job("tidy_mail", 3600, mail_sending.tidy),
    Job("tidy_webhooks", 3600, webhooks.tidy),
)


OUTSIDE = (Job("refresh_tools", 10, _refresh_tools), Job("look_at_domains", 300, domain_watch.run))
"""Jobs that wait for others, in a thread of their own."""
WATCHING = (
    Job("tell_alerts", lookout.EVERY_S, lookout.Lookout().run),
    Job("watch_use", use.EVERY_S, use.Watch().run),
)
"""Look at everybody now and then, which must not keep the others waiting."""
OUTSIDE_AFTER_S = 30.0
"""They begin when whatever starts beside us is up."""


def work(engine: Engine, settings: Settings, stop: threading.Event, jobs: Sequence[Job] = JOBS) -> None:
    """Run each job when it is due, until `stop` is set. A job that fails is logged and tried again when next due."""
    due = {job.name: monotonic() for job in jobs}
    while not stop.is_set():
        for job in jobs:
            if due[job.name] <= monotonic() and not stop.is_set():
                run_once(engine, settings, job)
                due[job.name] = monotonic() + job.every_s
        stop.wait(max(0.0, min(due.values()) - monotonic()))


def _work_outside(engine: Engine, settings: Settings, stop: threading.Event) -> None:
    if not stop.wait(OUTSIDE_AFTER_S):
        work(engine, settings, stop, OUTSIDE)


def run_once(engine: Engine, settings: Settings, job: Job) -> None:
    """One job in one transaction."""
    started = monotonic()
    try:
        with Session(engine) as session:
            rows = job.run(session, settings, clock.now())
            session.commit()
    except SQLAlchemyError:
        log.exception("job.failed", extra={"job": job.name})
        return
    if rows:
        log.info("job.done", extra={"job": job.name, "rows": rows, "ms": round((monotonic() - started) * 1000)})


def main() -> int:
    try:
        settings = config.load()
    except Invalid as problem:
        sys.stderr.write(problem.message + "\n")
        return 2
    logs.set_up(level=settings.log_level, as_json=settings.logs_json)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    engine = db.create(settings.database_url, pool_size=4)
    log.info("worker.started", extra={"jobs": len(JOBS) + len(OUTSIDE) + len(WATCHING) + 1})
    outside = threading.Thread(target=_work_outside, args=(engine, settings, stop), name="outside", daemon=True)
    outside.start()
    post = threading.Thread(target=mail_sending.work, args=(engine, settings, stop), name="mail", daemon=True)
    post.start()
    hooks = threading.Thread(target=webhooks.work, args=(engine, settings, stop), name="webhooks", daemon=True)
    hooks.start()
    watching = threading.Thread(target=work, args=(engine, settings, stop, WATCHING), name="alerts", daemon=True)
    watching.start()
    paying = billing.start(engine, settings, stop)
    work(engine, settings, stop, (*JOBS, Job("seal_events", settings.seal_every_s, _seal_events)))
    outside.join(STOP_S)
    for thread in (post, watching, hooks, *paying):
        thread.join(STOP_S)
    engine.dispose()
    log.info("worker.stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
