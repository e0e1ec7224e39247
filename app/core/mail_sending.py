"""The worker's part in mail: what waits is handed over one by one, each claimed, sent and settled by itself.

Nothing is written while the server is asked. Who dies between its “yes” and our note sends that one mail twice, with
the same Message-ID; none is lost.
"""

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from jinja2 import TemplateError
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from app.core import clock as clocks
from app.core import mail, mail_letters
from app.core.config import Settings
from app.core.errors import Unavailable
from app.core.mail_smtp import Post, Refused

log = logging.getLogger(__name__)

EVERY_S = 2.0
AT_ONCE = 100
KEPT = timedelta(days=90)
"""So long it can be seen that a mail was sent or failed."""
UNSENT = timedelta(days=3)
"""Old news is not worth sending once somebody sets a server."""
OUR_FAULT = "Something went wrong on our side; the worker's log says what."
NO_SERVER = "There is no mail server: POSTERN_SMTP_URL is not set."


def work(engine: Engine, settings: Settings, stop: threading.Event) -> None:
    """Send what waits until `stop` is set; in a thread of its own, because a mail server may be slow."""
    while not stop.wait(EVERY_S):
        try:
            run(engine, settings, clock=clocks.now, stop=stop)
        except SQLAlchemyError:
            log.exception("mail.failing")


def run(engine: Engine, settings: Settings, *, clock: Callable[[], datetime], stop: threading.Event) -> int:
    """Send what is due; gives how many were sent. A server that is away ends it: the rest is tried next time."""
    if not settings.sends_mail:
        return 0
    with Session(engine) as session:
        waiting = mail.due(session, now=clock(), limit=AT_ONCE)
    sent = 0
    with Post(settings) as post:
        for mail_id in waiting:
            if stop.is_set():
                break
            try:
                sent += _one(engine, settings, post, mail_id, clock=clock)
            except Unavailable:
                break
    return sent


def tidy(session: Session, settings: Settings, now: datetime) -> int:
    """Forget what was dealt with long ago, and give up what nothing sends; gives how many rows."""
    forgotten = mail.forget(session, before=now - KEPT)
    if settings.sends_mail or settings.is_development:
        return forgotten
    return forgotten + mail.give_up_waiting(session, before=now - UNSENT, why=NO_SERVER)


def _one(engine: Engine, settings: Settings, post: Post, mail_id: UUID, *, clock: Callable[[], datetime]) -> bool:
    """Raises Unavailable, once it is noted, when the server is to be left alone for now."""
    with Session(engine, expire_on_commit=False) as session:
        claimed = mail.claim(session, mail_id, now=clock())
        session.commit()
        if claimed is None:
            return False
        try:
            letter = mail_letters.write(claimed.template, claimed.context, settings, to=claimed.recipient)
            post.send(
                mail_letters.message(
                    letter,
                    mail_id=claimed.id,
                    recipient=claimed.recipient,
                    sender=settings.mail_from,
                    at=claimed.queued_at,
                )
            )
        except (Refused, TemplateError, ValueError) as problem:
            _note(session, claimed, str(problem) or type(problem).__name__, for_good=True, now=clock())
            return False
        except Unavailable as problem:
            _note(session, claimed, problem.message, for_good=False, now=clock())
            raise
        except Exception:  # a bug of ours; the others are to be sent all the same, and this one is not lost
            log.exception("mail.broken", extra={"mail_id": claimed.id})
            _note(session, claimed, OUR_FAULT, for_good=False, now=clock())
            return False
        mail.sent(session, claimed, now=clock())
        session.commit()
        return True


def _note(session: Session, claimed: mail.Mail, why: str, *, for_good: bool, now: datetime) -> None:
    mail.failed(session, claimed, why, for_good=for_good, now=now)
    session.commit()
    if claimed.state == mail.FAILED:
        log.error("mail.failed", extra={"mail_id": claimed.id, "template": claimed.template, "tries": claimed.tries})
