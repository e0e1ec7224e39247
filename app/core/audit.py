"""The audit trail: one row for every change that a customer could ask about. Rows are only ever added.

    audit.record(session, action="key.revoked", now=now, organisation_id=…, person_id=…, details={"name": key.name})

Each action has a sentence in core/audit_sentences.py. Where it came from is known by itself: the portal, the command
line and others say so once for each request or run (`set_origin`).
"""

from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import JSON, Column, Index
from sqlmodel import Field, Session, SQLModel

from app.core import logs
from app.core.db import UtcDateTime

PERSON, OPERATOR, ADMIN_KEY, COMMAND_LINE, ITSELF = "person", "operator", "admin_key", "command_line", "itself"
KINDS = (PERSON, OPERATOR, ADMIN_KEY, COMMAND_LINE, ITSELF)
"""Who acts: a person in their own organisation; an operator in somebody's; a program with an admin key; whoever types
`postern`; Postern itself, by a job or because somebody outside (Stripe, GitHub) told it something.
"""
CHANGED = " → "
"""Between before and after in a detail."""
CLIENT_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Origin:
    """Where changes come from. kind: one of KINDS. name: of who acts, as they are called now: a person, an admin key,
    a user of the machine. address, client: of the request; client is its User-Agent.
    """

    kind: str = ITSELF
    name: str = ""
    person_id: UUID | None = None
    admin_key_id: UUID | None = None
    address: str = ""
    client: str = ""


class AuditEntry(SQLModel, table=True):
    """Who did what to which thing, when, from where, during which request. `details` holds names as they were then,
    ids, and changes as “before → after”; never secrets. actor: the name of who acted, "" in entries from before it.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_at_id", "at", "id"),
        Index("ix_audit_entry_organisation_id_at_id", "organisation_id", "at", "id"),
        Index("ix_audit_entry_organisation_id_action_at_id", "organisation_id", "action", "at", "id"),
        Index("ix_audit_entry_organisation_id_actor_kind_at_id", "organisation_id", "actor_kind", "at", "id"),
        Index("ix_audit_entry_organisation_id_person_id_at_id", "organisation_id", "person_id", "at", "id"),
        Index("ix_audit_entry_organisation_id_subject_id_at_id", "organisation_id", "subject_id", "at", "id"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    organisation_id: UUID | None = Field(default=None)
    person_id: UUID | None = Field(default=None)
    action: str = Field(max_length=60)
    subject_id: UUID | None = Field(default=None)
    details: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    request_id: str | None = Field(default=None, max_length=40)
    actor_kind: str = Field(default="", max_length=12)
    actor: str = Field(default="", max_length=120)
    admin_key_id: UUID | None = Field(default=None)
    address: str = Field(default="", max_length=45)
    client: str = Field(default="", max_length=CLIENT_LENGTH)


def record(
    session: Session,
    *,
    action: str,
    now: datetime,
    organisation_id: UUID | None = None,
    person_id: UUID | None = None,
    subject_id: UUID | None = None,
    details: dict[str, str] | None = None,
) -> None:
    """Write down `action` (a dotted past tense such as "key.revoked") in the caller's transaction.

    person_id: who acted; None when it was a program, the command line or a job.
    """
    origin = _origin.get()
    person_id = person_id or (origin.person_id if origin.kind == OPERATOR else None)
    session.add(
        AuditEntry(
            at=now,
            organisation_id=organisation_id,
            person_id=person_id,
            action=action,
            subject_id=subject_id,
            details=details or {},
            request_id=logs.current_request_id(),
            actor_kind=_kind(origin, person_id),
            actor=(origin.name if person_id == origin.person_id else "")[:120],
            admin_key_id=origin.admin_key_id,
            address=origin.address[:45],
            client=one_line(origin.client)[:CLIENT_LENGTH],
        )
    )


def origin() -> Origin:
    """Where what this task or thread does comes from."""
    return _origin.get()


def set_origin(origin: Origin | None) -> None:
    """Say where what this task or thread does comes from; None: nobody asked for it."""
    _origin.set(origin or _ITSELF)


def acts(person_id: UUID, name: str) -> None:
    """Say who asks, once that is known: entries with this person_id keep the name."""
    _origin.set(replace(_origin.get(), person_id=person_id, name=name))


def as_operator() -> None:
    """Say that whoever asks does it as an operator, in an organisation that need not be theirs."""
    _origin.set(replace(_origin.get(), kind=OPERATOR))


def one_line(text: str) -> str:
    """Without line breaks and whatever else cannot be printed."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


_ITSELF = Origin()
_origin: ContextVar[Origin] = ContextVar("origin", default=_ITSELF)


def _kind(origin: Origin, person_id: UUID | None) -> str:
    if origin.kind in (OPERATOR, ADMIN_KEY, COMMAND_LINE):
        return origin.kind
    return PERSON if person_id is not None else ITSELF
