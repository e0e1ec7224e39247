"""What can be bought and what it costs: plans and their versions, prices, and who is on which plan since when."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import JSON, BigInteger, CheckConstraint, Column, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime

ACTIVE = "active"
PAST_DUE = "past_due"
UNPAID = "unpaid"
PAUSED = "paused"
CANCELLED = "cancelled"
INCOMPLETE = "incomplete"
STATES = (ACTIVE, PAST_DUE, UNPAID, PAUSED, CANCELLED, INCOMPLETE)
"""Of a subscription. incomplete: begun and not paid for yet, so not in force; all others are in force in their time."""

MONTHLY = "month"
YEARLY = "year"
INTERVALS = (MONTHLY, YEARLY)

FROM_FILE, FROM_PAGE = "file", "page"

BY_CUSTOMER = "customer"
BY_OPERATOR = "operator"

_IS_OPEN = text("ends_at IS NULL AND state <> 'incomplete'")


class Plan(SQLModel, table=True):
    """Something that can be subscribed to; what it is stands in its versions.

    organisation_id: whom alone it is for (a contract); None for everybody's.
    """

    __tablename__ = "plan"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    slug: str = Field(max_length=40, unique=True)
    organisation_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class PlanVersion(SQLModel, table=True):
    """What a plan is from a moment on; never changed (the database refuses it), only followed by the next number.

    document: the whole plan as app/plans/document.py reads it. digest: SHA-256 of the canonical version. source: "file"
    or "page", which it came from; person_id: who made it on the page.
    """

    __tablename__ = "plan_version"
    __table_args__ = (UniqueConstraint("plan_id", "number"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    plan_id: UUID = Field(foreign_key="plan.id")
    number: int
    document: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    digest: str = Field(max_length=64)
    effective_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    source: str = Field(default=FROM_FILE, max_length=8, sa_column_kwargs={"server_default": FROM_FILE})
    person_id: UUID | None = Field(default=None)


class PriceVersion(SQLModel, table=True):
    """A price from a moment on; never changed (the database refuses it), only followed by the next.

    It is an integration's own, or a charge of a plan's version in one currency (plan_version_id, charge: its key). What
    it prices: integration_id, None for all of them; tool: "" for every tool without a price of its own.

    components: metric to scheme, as app/plans/rating.py reads it; {} for a price per call, which `scheme` says.
    max_per_call: metric to the most of it that one call is charged for. nanos_per_unit: nano-minor-units (1e-9 of a
    cent) per call, where nothing else counts; else 0. digest: SHA-256 of the canonical version.
    """

    __tablename__ = "price_version"
    __table_args__ = (
        Index("ix_price_version_place", "integration_id", "tool", "effective_at"),
        {"sqlite_with_rowid": False},
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    integration_id: UUID | None = Field(default=None, foreign_key="integration.id")
    tool: str = Field(default="", max_length=128)
    currency: str = Field(max_length=3)
    nanos_per_unit: int = Field(sa_column=Column(BigInteger, nullable=False))
    scheme: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    digest: str = Field(max_length=64)
    effective_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    plan_version_id: UUID | None = Field(default=None, foreign_key="plan_version.id", index=True)
    charge: str = Field(default="", max_length=40, sa_column_kwargs={"server_default": ""})
    components: dict[str, Any] = Field(
        default_factory=dict, sa_column=Column(JSON, nullable=False, server_default="{}")
    )
    max_per_call: dict[str, int] = Field(
        default_factory=dict, sa_column=Column(JSON, nullable=False, server_default="{}")
    )


class Subscription(SQLModel, table=True):
    """That an organisation is on a version of a plan, in [begins_at, ends_at); a change of plan is the next row.

    At each moment at most one of an organisation's is in force; where none is, it is on the catalogue's default plan.

    currency: what it pays in; "" while it has nothing to pay. interval: of the base fee, "month", "year" or "" for
    none. anchor_at: a first of a month, from which whole intervals are counted in both directions.

    next_plan_version_id, next_interval, next_seats: what follows from next_at on; with a next_at alone it ends then,
    and the default plan follows. next_by: who wants that, "customer" or "operator"; "operator" without a next_at: a
    move was withdrawn. told_at: when Stripe was last seen to know of what is planned (app/billing/planned.py); None
    when it is to be told. limited_at: when its limits were last set (app/limits/entitlements.py); None when that is
    due. stripe_id: of the subscription at Stripe, shared by the rows that follow each other in it; "" for none.
    owes_since: since when a bill could not be collected, or there is nothing to pay with; None while all is paid.
    stopped_at: when calls that cost something were stopped for it.
    """

    __tablename__ = "subscription"
    __table_args__ = (
        CheckConstraint("seats >= 0", name="seats_not_negative"),
        CheckConstraint("ends_at IS NULL OR ends_at >= begins_at", name="ends_after_it_begins"),
        Index("ix_subscription_organisation_id_begins_at", "organisation_id", "begins_at"),
        Index("ix_subscription_open", "organisation_id", unique=True, sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    plan_version_id: UUID = Field(foreign_key="plan_version.id", index=True)
    currency: str = Field(default="", max_length=3)
    interval: str = Field(default="", max_length=10)
    seats: int = Field(default=0)
    state: str = Field(max_length=12)
    begins_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    ends_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    anchor_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    next_plan_version_id: UUID | None = Field(default=None, foreign_key="plan_version.id")
    next_interval: str = Field(default="", max_length=10)
    next_seats: int = Field(default=0)
    next_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True, index=True))
    next_by: str = Field(default="", max_length=10)
    cancel_reason: str = Field(default="", max_length=500)
    told_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    limited_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    stripe_id: str = Field(default="", max_length=80, index=True)
    owes_since: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    stopped_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))

    def is_in_force(self, at: datetime) -> bool:
        """Whether it holds at `at`, aware UTC."""
        return self.state != INCOMPLETE and self.begins_at <= at and (self.ends_at is None or at < self.ends_at)


class PlanMove(SQLModel, table=True):
    """That those on older versions of a plan are to follow to this one, from follow_at on: at the end of the interval
    in which that falls, and of the notice of notice_days that each has had.
    """

    __tablename__ = "plan_move"

    plan_version_id: UUID = Field(foreign_key="plan_version.id", primary_key=True)
    notice_days: int
    follow_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class UsageCharge(SQLModel, table=True):
    """How much of a metric one price version has counted in an organisation's UTC month; moves in the event's
    transaction. Only for prices that depend on it: tiers, packages, free units.
    """

    __tablename__ = "usage_charge"
    __table_args__ = ({"sqlite_with_rowid": False},)

    organisation_id: UUID = Field(primary_key=True)
    month_at: datetime = Field(sa_column=Column(UtcDateTime, primary_key=True, nullable=False))
    price_version_id: UUID = Field(primary_key=True)
    metric: str = Field(max_length=20, primary_key=True)
    quantity: int = Field(sa_column=Column(BigInteger, nullable=False))
