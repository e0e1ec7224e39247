"""Entries of the audit log as they go over the wire: what webhooks get, too (app/trail/telling.py)."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.api.schemas import Day, Page, Paging, Text, Told
from app.trail.filters import LONGEST


class AuditFilters(Paging):
    """As on the page of the log."""

    who: Annotated[Text, Field(max_length=60)] = Field(
        default="", description="A person’s id, or `person`, `operator`, `admin_key`, `command_line` or `itself`."
    )
    what: Annotated[Text, Field(max_length=60)] = Field(
        default="", description="An action such as `key.revoked`, or a kind of thing such as `key`."
    )
    since: Day | None = None
    until: Day | None = Field(default=None, description="Included.")
    text: Annotated[Text, Field(max_length=LONGEST)] = Field(default="", description="In details, names, addresses.")
    about: UUID | None = Field(default=None, description="The thing that entries are about.")


class AuditActor(Told):
    """Who acted; name: as it was then. address and client are empty for whoever runs this gateway."""

    kind: str
    name: str
    person_id: UUID | None
    admin_key_id: UUID | None
    address: str
    client: str


class AuditChange(Told):
    """What was different afterwards."""

    what: str
    before: str
    after: str


class AuditTold(Told):
    """One change. place, hash: in the sealed chain (docs/proofs.md), null until it is sealed."""

    id: UUID
    at: datetime
    action: str
    sentence: str
    actor: AuditActor
    subject_id: UUID | None
    details: dict[str, str]
    changes: list[AuditChange]
    request_id: str | None
    place: int | None
    hash: str | None


class AuditPage(Page):
    """Newest first. A page can be short, even empty, while there are more: follow next_cursor until it is null."""

    items: list[AuditTold]
