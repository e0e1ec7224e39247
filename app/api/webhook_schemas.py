"""Webhooks and what was sent to them, as they go over the wire."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.api.schemas import Asked, Page, Paging, Text, Told

FOLLOWS = "Whether it is told of each entry of the audit log; only a role that may read the log can ask for that."


class WebhookTold(Told):
    """An address that is told of events; never its secret."""

    id: UUID
    url: str
    is_enabled: bool
    follows_audit: bool = Field(description=FOLLOWS)
    created_at: datetime


class WebhookPage(Page):
    """Newest first."""

    items: list[WebhookTold]


class WebhookAsked(Asked):
    """A new one."""

    url: Annotated[Text, Field(min_length=1, max_length=2048, examples=["https://hooks.example.com/postern"])]
    follows_audit: bool = Field(default=False, description=FOLLOWS)


class WebhookChanged(Asked):
    """What is to be different; what is left out stays."""

    is_enabled: bool | None = Field(default=None, description="Off: nothing is queued and nothing sent.")
    follows_audit: bool | None = Field(default=None, description=FOLLOWS)


class WebhookIssued(Told):
    """A webhook with the secret that signs what it gets, told in this one answer."""

    webhook: WebhookTold
    secret: str


class DeliveryFilters(Paging):
    """Which deliveries."""

    state: Literal["waiting", "delivered", "failed"] | None = None


class DeliveryTold(Told):
    """One message to one webhook. body: exactly what is sent, as text; "" of an entry of the audit log for keys that
    may not read that. status: of the last answer, null for none.
    """

    id: UUID
    kind: str
    state: str
    tries: int
    queued_at: datetime
    due_at: datetime
    tried_at: datetime | None
    status: int | None
    error: str
    body: str


class DeliveryPage(Page):
    """Newest first."""

    items: list[DeliveryTold]
