"""Usage on its way to Stripe: which part of the ledger has been cut into ranges, and what became of each."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Column, Index
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime

WAITING, DELIVERED, REFUSED = "waiting", "delivered", "refused"
METERED, LATE = "metered", "late"


class UsageMark(SQLModel, table=True):
    """Up to which link of an organisation's chain its usage has been cut into ranges."""

    __tablename__ = "usage_mark"

    organisation_id: UUID = Field(primary_key=True)
    mode: str = Field(max_length=4, primary_key=True)
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))


class UsageCut(SQLModel, table=True):
    """What all ranges so far come to, for one of Stripe's meters in one UTC month.

    quantity: units of the metric, or nano-minor-units for integrations' own prices. shipped: the sum of the values of
    its ranges. last_seq: of the last event in it.
    """

    __tablename__ = "usage_cut"

    organisation_id: UUID = Field(primary_key=True)
    mode: str = Field(max_length=4, primary_key=True)
    month_at: datetime = Field(sa_column=Column(UtcDateTime, primary_key=True, nullable=False))
    event_name: str = Field(max_length=100, primary_key=True)
    quantity: int = Field(sa_column=Column(BigInteger, nullable=False))
    shipped: int = Field(sa_column=Column(BigInteger, nullable=False))
    last_seq: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))


class StripeOutbox(SQLModel, table=True):
    """A closed range of an organisation's ledger, to be told to one of Stripe's meters exactly once.

    kind: "metered", or "late" for usage of a month whose invoice is closed, which goes onto the next as an item: of
    what was cut after that (event_name “late_” and the meter's), or of one range that its meter had taken too late
    (with the same event_name, first_seq and last_seq).
    identifier: by which Stripe knows a repeat; made from what the range is, so that it is the same after a crash.
    first_seq, last_seq: links of the chain between which its events lie. value: what is added; for "late" minor units
    of `currency`. at: the moment that Stripe is told, always in the month. state: "waiting", "delivered" or "refused".
    tries, due_at: of sending. first_sent_at: None until it was tried.
    """

    __tablename__ = "stripe_outbox"
    __table_args__ = (
        Index("ix_stripe_outbox_state_due_at", "state", "due_at"),
        Index("ix_stripe_outbox_place", "customer_id", "event_name", "first_seq"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    kind: str = Field(default=METERED, max_length=8)
    mode: str = Field(max_length=4)
    organisation_id: UUID
    customer_id: str = Field(max_length=64)
    event_name: str = Field(max_length=100)
    month_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    identifier: str = Field(max_length=100, unique=True)
    first_seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    last_seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    value: int = Field(sa_column=Column(BigInteger, nullable=False))
    currency: str = Field(default="", max_length=3)
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    state: str = Field(default=WAITING, max_length=10)
    tries: int = Field(default=0)
    due_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    first_sent_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    delivered_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    error: str = Field(default="", max_length=500)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
