"""How much may pass: rules, what has been used of them, and what gateways hold of them in advance."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, CheckConstraint, Column
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime

CALLS = "calls"
STREAMS = "streams"
SPEND = "spend"
MEASURES = (CALLS, STREAMS, SPEND)
PERIODS = ("second", "minute", "hour", "day", "month")
STOP, SLOW, NOTIFY = "stop", "slow", "notify"
ACTIONS = (STOP, SLOW, NOTIFY)
SLOW_PER_MINUTE = 10
"""So many calls a minute go on at a cap that slows down."""
BILLING = "billing"
"""Who stops what costs something while a plan is not paid for (app/limits/entitlements.py)."""
WALLET = "wallet"
"""Who sets what prepaid credit allows: the only rules of the period “ever” (app/limits/prepaid.py)."""
SHARED = UUID(int=0)
"""The subject of a rule that is not counted for each key or organisation by itself."""


class LimitRule(SQLModel, table=True):
    """At most `most` of `measure` in each `period`, for the calls that it selects.

    organisation_id, key_id, integration_id, tool: what it selects; None and "" select all. per: "key" or "organisation"
    counts each by itself, "" all together. measure: "calls" and "spend" (nano-minor-units) per period, or "streams"
    open at once (period ""). Seconds, minutes and hours are rates; days and months (UTC) are allowances and
    caps, which are never passed; “ever” is for prepaid credit alone. set_by: "plan", "organisation", "operator",
    "wallet" or "billing": who may raise it. action: what happens to calls beyond an allowance or cap: "stop"
    refuses them, "slow" lets SLOW_PER_MINUTE of them pass, and "notify" all, because gateways do not know of it.
    """

    __tablename__ = "limit_rule"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    name: str = Field(max_length=80)
    organisation_id: UUID | None = Field(default=None, foreign_key="organisation.id", index=True)
    key_id: UUID | None = Field(default=None, foreign_key="api_key.id", index=True)
    integration_id: UUID | None = Field(default=None, foreign_key="integration.id")
    tool: str = Field(default="", max_length=128)
    per: str = Field(default="", max_length=12)
    measure: str = Field(max_length=10)
    period: str = Field(default="", max_length=10)
    most: int = Field(sa_column=Column(BigInteger, nullable=False))
    set_by: str = Field(max_length=12)
    action: str = Field(default=STOP, max_length=6, sa_column_kwargs={"server_default": STOP})
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    changed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))

    @property
    def since(self) -> datetime:
        """From when on it has stood as it does."""
        return self.changed_at or self.created_at


class LimitCounter(SQLModel, table=True):
    """What was used of a rule in one day or month, and what is reserved: by leases, and by calls under way.

    subject_id: the key or organisation, SHARED when counted together. spent + reserved never passes `most`. before: the
    part of spent that was used before the rule was there, in the same period.
    """

    __tablename__ = "limit_counter"
    __table_args__ = (CheckConstraint("spent >= 0 AND reserved >= 0", name="not_negative"),)

    rule_id: UUID = Field(primary_key=True)
    subject_id: UUID = Field(primary_key=True)
    period_at: datetime = Field(sa_column=Column(UtcDateTime, primary_key=True, nullable=False))
    most: int = Field(sa_column=Column(BigInteger, nullable=False))
    spent: int = Field(sa_column=Column(BigInteger, nullable=False))
    reserved: int = Field(sa_column=Column(BigInteger, nullable=False))
    before: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))


class LimitLease(SQLModel, table=True):
    """The part of a counter's `reserved` that one gateway process holds: given back when the process is found dead."""

    __tablename__ = "limit_lease"
    __table_args__ = (CheckConstraint("held >= 0", name="not_negative"),)

    process_id: UUID = Field(primary_key=True)
    rule_id: UUID = Field(primary_key=True)
    subject_id: UUID = Field(primary_key=True)
    period_at: datetime = Field(sa_column=Column(UtcDateTime, primary_key=True, nullable=False))
    held: int = Field(sa_column=Column(BigInteger, nullable=False))


class GatewayProcess(SQLModel, table=True):
    """A gateway that runs, or ran until a moment ago. seen_at: its last sign of life."""

    __tablename__ = "gateway_process"

    id: UUID = Field(primary_key=True)
    started_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    seen_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))


class RateShare(SQLModel, table=True):
    """How much of a rate one gateway process has used in a window, told to the others a few times a second.

    window_at: its start; for streams, which have no window, the epoch, and `used` is how many are open.
    """

    __tablename__ = "rate_share"

    process_id: UUID = Field(primary_key=True)
    rule_id: UUID = Field(primary_key=True)
    subject_id: UUID = Field(primary_key=True)
    window_at: datetime = Field(sa_column=Column(UtcDateTime, primary_key=True, nullable=False))
    used: int = Field(sa_column=Column(BigInteger, nullable=False))
