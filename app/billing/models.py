"""What is known of paying: accounts at Stripe, what was asked of it, what it told us, and its invoices.

Stripe is the truth for what was paid, the ledger for what was used; these tables only remember. mode is "test" or
"live" everywhere: the two never meet, though an installation may have been both.
"""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import JSON, BigInteger, Column, Index, Text
from sqlalchemy import false as sa_false
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime

TEST, LIVE = "test", "live"
OK, PAST_DUE, UNPAID, PAUSED = "ok", "past_due", "unpaid", "paused"
OPEN, COMPLETED, EXPIRED = "open", "completed", "expired"
SUBSCRIPTION, TOP_UP = "subscription", "top_up"
NEW, DONE, IGNORED, FAILED = "new", "done", "ignored", "failed"


class BillingAccount(SQLModel, table=True):
    """An organisation as a customer of Stripe.

    state: "ok", or "past_due", "unpaid", "paused" as its subscription says. card: what people know theirs by
    (“Visa ending in 4242, until 12/2030”), "" for none. version: grows with each change, for idempotency keys.
    """

    __tablename__ = "billing_account"

    organisation_id: UUID = Field(foreign_key="organisation.id", primary_key=True)
    mode: str = Field(max_length=4, primary_key=True)
    customer_id: str = Field(max_length=64, unique=True)
    currency: str = Field(max_length=3)
    email: str = Field(default="", max_length=254)
    state: str = Field(default=OK, max_length=10)
    card: str = Field(default="", max_length=80)
    version: int = Field(default=0)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    updated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class Checkout(SQLModel, table=True):
    """One visit to Stripe's Checkout, from the click until it is paid, abandoned or expired.

    kind: "subscription" or "top_up". plan_version_id, interval, seats: what is subscribed to. amount: minor units of a
    top-up. keeps_card: whether the card may be charged again without anybody there. session_id, url: once Stripe has
    made it. state: "open", "completed" or "expired".
    """

    __tablename__ = "checkout"
    __table_args__ = (Index("ix_checkout_organisation_id_created_at", "organisation_id", "created_at"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    person_id: UUID | None = Field(default=None)
    mode: str = Field(max_length=4)
    kind: str = Field(max_length=12)
    plan_version_id: UUID | None = Field(default=None)
    currency: str = Field(max_length=3)
    interval: str = Field(default="", max_length=5)
    seats: int = Field(default=0)
    amount: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    keeps_card: bool = Field(default=False, sa_column_kwargs={"server_default": sa_false()})
    session_id: str | None = Field(default=None, max_length=255, unique=True)
    url: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    state: str = Field(default=OPEN, max_length=10)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class StripeEvent(SQLModel, table=True):
    """Something that Stripe told us, stored before anything else is done with it, and then applied by the worker.

    id: Stripe's. created_at: when it happened there. object_id: what it is about, "" for nothing with an id. payload:
    as it came. source: "webhook", or "sweep" when it was fetched because no webhook had brought it. state: "new",
    "done", "ignored" (a type that means nothing here), "failed" (given up, for an operator to look at). error: why, the
    last time.
    """

    __tablename__ = "stripe_event"
    __table_args__ = (
        Index("ix_stripe_event_state_due_at", "state", "due_at"),
        Index("ix_stripe_event_received_at", "received_at"),
    )

    id: str = Field(max_length=255, primary_key=True)
    mode: str = Field(max_length=4)
    type: str = Field(max_length=100)
    object_id: str = Field(default="", max_length=255)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    received_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    source: str = Field(max_length=8)
    payload: str = Field(sa_column=Column(Text, nullable=False))
    state: str = Field(default=NEW, max_length=8)
    tries: int = Field(default=0)
    due_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    applied_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    error: str = Field(default="", max_length=500)


class StripeObject(SQLModel, table=True):
    """A product, meter, price or portal configuration that was found or made at Stripe.

    key: ours for it, such as a lookup key.
    """

    __tablename__ = "stripe_object"

    mode: str = Field(max_length=4, primary_key=True)
    kind: str = Field(max_length=20, primary_key=True)
    key: str = Field(max_length=200, primary_key=True)
    id: str = Field(max_length=255)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class StripeMark(SQLModel, table=True):
    """Up to when something was done: name "events" for the sweep of missed events."""

    __tablename__ = "stripe_mark"

    mode: str = Field(max_length=4, primary_key=True)
    name: str = Field(max_length=40, primary_key=True)
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class Invoice(SQLModel, table=True):
    """An invoice as Stripe had it when it last told us. Amounts in minor units.

    state: "draft", "open", "paid", "void" or "uncollectible". period_start, period_end: whose usage it bills. lines:
    [{"id", "description", "amount", "quantity", "price", "period_start", "period_end", "is_proration", "minimum"}],
    in Stripe's order; minimum: what its item's metadata says, "" for others. page_url, pdf_url: Stripe's.
    """

    __tablename__ = "invoice"
    __table_args__ = (Index("ix_invoice_organisation_id_created_at", "organisation_id", "created_at"),)

    id: str = Field(max_length=255, primary_key=True)
    mode: str = Field(max_length=4)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    number: str = Field(default="", max_length=60)
    state: str = Field(max_length=14)
    reason: str = Field(default="", max_length=40)
    currency: str = Field(max_length=3)
    period_start: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    period_end: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    subtotal: int = Field(sa_column=Column(BigInteger, nullable=False))
    tax: int = Field(sa_column=Column(BigInteger, nullable=False))
    total: int = Field(sa_column=Column(BigInteger, nullable=False))
    due: int = Field(sa_column=Column(BigInteger, nullable=False))
    paid: int = Field(sa_column=Column(BigInteger, nullable=False))
    lines: list[dict[str, Any]] = Field(sa_column=Column(JSON, nullable=False))
    page_url: str = Field(default="", sa_column=Column(Text, nullable=False))
    pdf_url: str = Field(default="", sa_column=Column(Text, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    finalized_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    paid_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    updated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
