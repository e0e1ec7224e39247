"""Addresses that organisations are told at, and what is, was or could not be delivered to them."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import JSON, BigInteger, Column, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime

WAITING, DELIVERED, FAILED = "waiting", "delivered", "failed"
TEST = "webhook.test"
LIMIT_PASSED = "limit.threshold_passed"
KEY_LEAKED = "key.leaked"
AUDIT_ENTRY = "audit.entry"
USAGE_UNUSUAL = "usage.unusual"
CREDIT_LOW, CREDIT_USED_UP = "credit.low", "credit.used_up"
KINDS = {
    LIMIT_PASSED: "a share of a cap, an allowance or free units is used",
    CREDIT_LOW: "prepaid credit is running low",
    CREDIT_USED_UP: "prepaid credit is used up",
    KEY_LEAKED: "a key was found in public",
    USAGE_UNUSUAL: "use is out of the ordinary: how much, how much fails, by whom, or none any more",
}
"""What endpoints are told of, beside tests, and AUDIT_ENTRY if they ask for it. Whoever tells of more adds a line."""


class WebhookEndpoint(SQLModel, table=True):
    """kinds: what it is told of, [] for everything. secret: sealed for `webhook.secret:` and the id; former: the one
    before, which signs beside it until former_until. removed_at: it is told nothing any more and not shown.
    audit_since: it is told of each entry of the audit log from then on; audit_place: the last place of the trail's
    chain that was looked at for it.
    """

    __tablename__ = "webhook_endpoint"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id", index=True)
    url: str = Field(max_length=2048)
    kinds: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    secret: str = Field(sa_column=Column(Text, nullable=False))
    former: str = Field(default="", sa_column=Column(Text, nullable=False))
    former_until: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    is_enabled: bool = Field(default=True)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    removed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    audit_since: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    audit_place: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))


class WebhookDelivery(SQLModel, table=True):
    """One message to one endpoint. key: what it is about, so that it is queued once. body: exactly the bytes that are
    sent, as text. status: of the last answer; None when there was none. id: goes with every try, a replay too.
    """

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "key"),
        Index("ix_webhook_delivery_state_due_at", "state", "due_at"),
        Index("ix_webhook_delivery_endpoint_id_queued_at", "endpoint_id", "queued_at"),
        Index("ix_webhook_delivery_queued_at", "queued_at"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    endpoint_id: UUID = Field(foreign_key="webhook_endpoint.id")
    key: str = Field(max_length=200)
    kind: str = Field(max_length=60)
    body: str = Field(sa_column=Column(Text, nullable=False))
    state: str = Field(max_length=12)
    tries: int = Field(default=0)
    due_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    queued_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    tried_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    status: int | None = Field(default=None)
    error: str = Field(default="", max_length=300)
