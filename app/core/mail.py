"""Mail that is to be sent: written down in the transaction of what it is about, sent by the worker afterwards.

    mail.queue(session, to=person.email, template="cap_reached", context={"cap": "50.00 USD"}, key=f"cap:{id}", now=now)

What has the same key and recipient is queued once, however often it is asked for, and what the reader turned off not at
all (core/mail_kinds.py). The template is two files of
templates/emails/ (core/mail_letters.py); what it is filled with is words and numbers, written already as they are to
be read.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import JSON, Column, Index, UniqueConstraint, and_, delete, or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, Session, SQLModel, col, select

from app.core import addresses, audit, config_mail, mail_kinds, mail_letters
from app.core.config import Settings
from app.core.db import UtcDateTime, changed_rows
from app.core.errors import Conflict, NotFound

WAITING, SENT, FAILED = "waiting", "sent", "failed"
NO_ADDRESS = "This is not an address that mail can be sent to."
PAUSES = (60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600)
"""Seconds after each try that did not work: two days in all, then a person has to look."""
CLAIM = timedelta(minutes=5)
"""So long nobody else tries what somebody tries: longer than a server is waited for."""

Words = str | int | list[str]


class Mail(SQLModel, table=True):
    """One mail to one recipient. context: what the template is filled with; emptied once it is sent."""

    __table_args__ = (
        UniqueConstraint("key", "recipient"),
        Index("ix_mail_state_due_at", "state", "due_at"),
        Index("ix_mail_queued_at", "queued_at"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    key: str = Field(max_length=200)
    recipient: str = Field(max_length=254)
    organisation_id: UUID | None = Field(default=None)
    template: str = Field(max_length=60)
    context: dict[str, object] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    state: str = Field(max_length=12)
    tries: int = Field(default=0)
    due_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    queued_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    sent_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    error: str = Field(default="", max_length=300)


def queue(
    session: Session,
    *,
    to: str,
    template: str,
    context: Mapping[str, Words],
    key: str,
    now: datetime,
    organisation_id: UUID | None = None,
) -> bool:
    """Have it sent once the caller's transaction is committed; gives False if it was before, or if nobody wants it.

    template: a name in templates/emails/, without ending. An address that no mail can go to undoes nothing: it is
    written down as failed, for operators to see. Raises LookupError for a template that does not exist.
    """
    mail_letters.check(template)
    if mail_kinds.is_refused(session, to, template):
        return False
    is_address = config_mail.is_address(to)
    row = {
        "id": uuid4(),
        "key": key,
        "recipient": to[:254],
        "organisation_id": organisation_id,
        "template": template,
        "context": {name: mail_letters.one_line(value) for name, value in context.items()},
        "state": WAITING if is_address else FAILED,
        "tries": 0,
        "due_at": now,
        "queued_at": now,
        "error": "" if is_address else NO_ADDRESS,
    }
    make = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = make(Mail).values(**row).on_conflict_do_nothing(index_elements=["key", "recipient"])
    return session.execute(statement.returning(col(Mail.id))).first() is not None


def take_back(session: Session, *, key: str) -> set[str]:
    """What has this key and was not sent, nor is being sent, never will be; gives to whom it would have gone."""
    is_untried = and_(col(Mail.state) == WAITING, col(Mail.tries) == 0)
    is_unsent = or_(is_untried, col(Mail.state) == FAILED)
    statement = delete(Mail).where(col(Mail.key) == key, is_unsent).returning(col(Mail.recipient))
    return set(session.execute(statement).scalars())


def is_kept(settings: Settings) -> bool:
    """Whether mail stays here and anybody on this machine may read it at /outbox/: in development, without a server,
    and only where nobody else can reach the portal.
    """
    host = addresses.parse(settings.bind_host)
    is_here = host is not None and host.is_loopback
    return settings.is_development and not settings.sends_mail and is_here


def listed(session: Session, *, state: str = "", limit: int, offset: int = 0) -> list[Mail]:
    """Newest first; state: "" for all."""
    statement = select(Mail).order_by(col(Mail.queued_at).desc(), col(Mail.id)).limit(limit).offset(offset)
    return list(session.exec(statement.where(Mail.state == state) if state else statement))


def one(session: Session, mail_id: UUID) -> Mail:
    """Raises NotFound."""
    found = session.get(Mail, mail_id)
    if found is None:
        raise NotFound("There is no such mail.")
    return found


def again(session: Session, mail: Mail, *, person_id: UUID, now: datetime) -> None:
    """Try a failed one anew. Raises Conflict if it waits or was sent, and for what is no address."""
    if mail.state != FAILED or mail.error == NO_ADDRESS:
        raise Conflict("Only mail that failed, and has an address, can be sent again.")
    mail.state, mail.tries, mail.due_at, mail.error = WAITING, 0, now, ""
    session.add(mail)
    audit.record(session, action="mail.sent_again", now=now, person_id=person_id, subject_id=mail.id)
    session.flush()


# For the worker


def due(session: Session, *, now: datetime, limit: int) -> list[UUID]:
    """What waits and may be tried now, oldest first."""
    statement = (
        select(Mail.id)
        .where(Mail.state == WAITING, col(Mail.due_at) <= now)
        .order_by(col(Mail.due_at), col(Mail.id))
        .limit(limit)
    )
    return list(session.exec(statement))


def claim(session: Session, mail_id: UUID, *, now: datetime) -> Mail | None:
    """Take it for this try, so that no other worker does; None if one was faster."""
    statement = (
        update(Mail)
        .where(col(Mail.id) == mail_id, col(Mail.state) == WAITING, col(Mail.due_at) <= now)
        .values(due_at=now + CLAIM, tries=Mail.tries + 1)
        .returning(col(Mail.id))
    )
    is_ours = session.execute(statement).first() is not None
    return session.get(Mail, mail_id, populate_existing=True) if is_ours else None


def sent(session: Session, mail: Mail, *, now: datetime) -> None:
    """The server has it; what it said is not kept."""
    mail.state, mail.sent_at, mail.error, mail.context = SENT, now, "", {}
    session.add(mail)


def failed(session: Session, mail: Mail, why: str, *, for_good: bool, now: datetime) -> None:
    """It did not work: later again, until the pauses are used up; for_good: at once a case for a person."""
    mail.error = why[:300]
    if for_good or mail.tries > len(PAUSES):
        mail.state = FAILED
    else:
        mail.due_at = now + timedelta(seconds=PAUSES[mail.tries - 1])
    session.add(mail)


def give_up_waiting(session: Session, *, before: datetime, why: str) -> int:
    """Mark as failed what has waited since `before`, because nothing sends it; gives how many."""
    statement = (
        update(Mail).where(col(Mail.state) == WAITING, col(Mail.queued_at) < before).values(state=FAILED, error=why)
    )
    return changed_rows(session, statement)


def forget(session: Session, *, before: datetime) -> int:
    """Delete what was sent or given up and queued before; gives how many."""
    statement = delete(Mail).where(col(Mail.queued_at) < before, col(Mail.state) != WAITING)
    return changed_rows(session, statement)
