"""The ledger: one event per metered call, the hourly totals that move with it, and tries that were refused.

No foreign keys here: the ledger outlives what it speaks of, and a lock on an organisation's row for each of its calls
would be the slowest thing a call does.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, PrimaryKeyConstraint
from sqlmodel import Field, SQLModel

from app.core import db
from app.core.db import UtcDateTime
from app.metering import buckets

OK = "ok"
TOOL_ERROR = "tool_error"
PROTOCOL_ERROR = "protocol_error"
UPSTREAM_ERROR = "upstream_error"
TIMEOUT = "timeout"
CANCELLED = "cancelled"
STATUSES = (OK, TOOL_ERROR, PROTOCOL_ERROR, UPSTREAM_ERROR, TIMEOUT, CANCELLED)
"""How a metered call ended.

ok: a result. tool_error: a result with isError. protocol_error: a JSON-RPC error by the upstream. upstream_error: the
upstream could not be reached, broke off or answered 5xx. timeout: it took too long. cancelled: the caller went away.
"""


_WHAT = ("key_id", "integration_id", "tool", "status", "error_class")
PLACE_OF_HOUR = ("organisation_id", "hour_at", *_WHAT)
PLACE_OF_DAY = ("organisation_id", "day_at", *_WHAT)
PLACE_OF_FACET = ("organisation_id", "kind", "day_at", *_WHAT)
PLACE_OF_DAY_PRICE = ("organisation_id", "day_at", "price_version_id", "key_id", "integration_id", "tool")
SUMS = (
    *("calls", "errors", "units", "duration_us", "upstream_us"),
    *("bytes_in", "bytes_out", "tokens_in", "tokens_out", "amount_nanos"),
)
"""What totals are per, and what they add up, beside the buckets."""


class UsageEvent(SQLModel, table=True):
    """One `tools/call` that reached an integration, written before the end of its answer left the gateway.

    id: the receipt (`rcp_…`, sorts by time). units: what counts towards a bill: 1 for a result (ok, tool_error), 0
    without one, -1 to take one back (docs/adr/0003). duration_us: first byte in to last byte ready; upstream_us: of
    that, waiting for the integration.
    error_class: a short name such as "unknown_tool", "" when all is well. credential: "key" (OAuth comes later).
    environment: "live", or "test", which costs nothing. tool_version: the first 16 characters of the digest of the
    tool's approved definition. policy_version: of the change feed, when the call was let in. rules: short ids of the
    limits it was held against, separated by blanks. price_version_id, amount_nanos, currency: what it cost, in 1e-9
    minor units. idempotency_digest: of the caller's own key for it; "" when it gave none.
    """

    __tablename__ = "usage_event"
    __table_args__ = (
        Index("ix_usage_event_organisation_id_id", "organisation_id", "id"),
        {"sqlite_with_rowid": False},
    )

    id: str = Field(max_length=30, primary_key=True)
    request_id: str = Field(max_length=30)
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    organisation_id: UUID
    key_id: UUID
    integration_id: UUID
    tool: str = Field(max_length=128)
    status: str = Field(max_length=20)
    error_class: str = Field(default="", max_length=40)
    units: int
    http_status: int
    duration_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    upstream_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    bytes_in: int = Field(sa_column=Column(BigInteger, nullable=False))
    bytes_out: int = Field(sa_column=Column(BigInteger, nullable=False))
    protocol_version: str = Field(default="", max_length=20)
    credential: str = Field(default="key", max_length=10, sa_column_kwargs={"server_default": "key"})
    environment: str = Field(default="live", max_length=4, sa_column_kwargs={"server_default": "live"})
    tool_version: str = Field(default="", max_length=16, sa_column_kwargs={"server_default": ""})
    policy_version: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    rules: str = Field(default="", max_length=200, sa_column_kwargs={"server_default": ""})
    tokens_in: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    tokens_out: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    price_version_id: UUID | None = Field(default=None)
    amount_nanos: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    currency: str = Field(default="", max_length=3, sa_column_kwargs={"server_default": ""})
    idempotency_digest: str = Field(default="", max_length=64, sa_column_kwargs={"server_default": ""})


def _sum() -> Any:  # noqa: ANN401  (a field of whatever the class says)
    return Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})


class _Sums(SQLModel):
    """calls: lines of the ledger. errors: those of them that did not end "ok". The rest: sums of the events' own."""

    calls: int = _sum()
    errors: int = _sum()
    units: int = _sum()
    duration_us: int = _sum()
    upstream_us: int = _sum()
    bytes_in: int = _sum()
    bytes_out: int = _sum()
    tokens_in: int = _sum()
    tokens_out: int = _sum()
    amount_nanos: int = _sum()


class UsageHour(_Sums, table=True):
    """Totals of one UTC hour for one organisation, key, integration, tool, status and error class; moves in the event's
    transaction. status: "" for what was counted before totals knew it, and whose events are gone.
    """

    __tablename__ = "usage_hour"
    __table_args__ = (PrimaryKeyConstraint(*PLACE_OF_HOUR), {"sqlite_with_rowid": False})

    organisation_id: UUID
    hour_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    key_id: UUID
    integration_id: UUID
    tool: str = Field(max_length=128)
    status: str = Field(max_length=20)
    error_class: str = Field(max_length=40)


class UsageDay(_Sums, table=True):
    """The same of one UTC day: the sum of its hours, moving with them, for questions about many days."""

    __tablename__ = "usage_day"
    __table_args__ = (PrimaryKeyConstraint(*PLACE_OF_DAY), {"sqlite_with_rowid": False})

    organisation_id: UUID
    day_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    key_id: UUID
    integration_id: UUID
    tool: str = Field(max_length=128)
    status: str = Field(max_length=20)
    error_class: str = Field(max_length=40)


class UsageFacet(_Sums, table=True):
    """The same of one UTC day from one side only, so that questions about that side read a few rows, however many keys
    and tools there are. kind: of facets.FACETS, which say what is told apart; all else is facets.blank.
    """

    __tablename__ = "usage_facet"
    __table_args__ = (PrimaryKeyConstraint(*PLACE_OF_FACET), {"sqlite_with_rowid": False})

    organisation_id: UUID
    kind: str = Field(max_length=4)
    day_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    key_id: UUID
    integration_id: UUID
    tool: str = Field(max_length=128)
    status: str = Field(max_length=20)
    error_class: str = Field(max_length=40)


for _name in (UsageHour.__tablename__, UsageDay.__tablename__, UsageFacet.__tablename__):
    for _bucket in buckets.NAMES:
        _column = Column(_bucket, BigInteger, nullable=False, server_default="0")
        db.metadata.tables[str(_name)].append_column(_column)
"""How many events took so long, a column for each bucket; only ever read and written as rows, so no field of theirs."""


class UsageDayPrice(SQLModel, table=True):
    """What live calls of one UTC day are charged for, by the price that they were charged by; moves in the event's
    transaction. lines: of the ledger. The quantities are metrics.billable's: of no call more than its price allows.
    """

    __tablename__ = "usage_day_price"
    __table_args__ = (PrimaryKeyConstraint(*PLACE_OF_DAY_PRICE), {"sqlite_with_rowid": False})

    organisation_id: UUID
    day_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    price_version_id: UUID
    key_id: UUID
    integration_id: UUID
    tool: str = Field(max_length=128)
    lines: int = _sum()
    calls: int = _sum()
    tokens_in: int = _sum()
    tokens_out: int = _sum()
    bytes: int = _sum()
    milliseconds: int = _sum()
    amount_nanos: int = _sum()


class UsageMonth(SQLModel, table=True):
    """Running totals of an organisation's UTC month, which receipts quote; moves in the event's transaction."""

    __tablename__ = "usage_month"
    __table_args__ = ({"sqlite_with_rowid": False},)

    organisation_id: UUID = Field(primary_key=True)
    month_at: datetime = Field(sa_column=Column(UtcDateTime, primary_key=True, nullable=False))
    units: int = Field(sa_column=Column(BigInteger, nullable=False))
    amount_nanos: int = Field(sa_column=Column(BigInteger, nullable=False))


class Attempt(SQLModel, table=True):
    """A try that the gateway refused, kept for a day so that “Your first call” can explain it. Never billed.

    id: the request id. organisation_id, key_id: whose it was, when that can be told. address_digest: a keyed digest of
    the caller's address. reason: see app/metering/attempts.py. key_hint: the key's readable start, never the secret.
    detail: what exactly was wrong. rule_id: the limit that decided. policy_version: of the change feed, at that moment.
    """

    __table_args__ = (
        Index("ix_attempt_organisation_id_at", "organisation_id", "at"),
        Index("ix_attempt_address_digest_at", "address_digest", "at"),
    )

    id: str = Field(max_length=30, primary_key=True)
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    organisation_id: UUID | None = Field(default=None)
    key_id: UUID | None = Field(default=None)
    address_digest: str = Field(max_length=64)
    reason: str = Field(max_length=40)
    http_status: int
    path: str = Field(max_length=200)
    method: str = Field(default="", max_length=80)
    tool: str = Field(default="", max_length=128)
    key_hint: str = Field(default="", max_length=32)
    detail: str = Field(default="", max_length=300, sa_column_kwargs={"server_default": ""})
    rule_id: UUID | None = Field(default=None)
    policy_version: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))


class Crowd(SQLModel, table=True):
    """Requests of the same few seconds about which the same was decided, and which make no row of their own: free ones,
    replays of idempotent calls, and refused tries beyond what `attempt` keeps. For `postern explain`; never billed.

    id: of the first of them; name: the eight characters that the ids of all of them have in common (ids.py). count:
    how many. decision: see app/metering/crowds.py; reason: of those in app/metering/attempts.py, or an error class.
    The rest as in Attempt and UsageEvent; None and "" for what differs among them, or was not known. receipt: of the
    call that a replay repeats, or of the one that came to nothing.
    """

    __table_args__ = (Index("ix_crowd_name", "name"),)

    id: str = Field(max_length=30, primary_key=True)
    name: str = Field(max_length=8)
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    last_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    count: int = Field(sa_column=Column(BigInteger, nullable=False))
    decision: str = Field(max_length=12)
    reason: str = Field(max_length=40)
    http_status: int
    organisation_id: UUID | None = Field(default=None)
    key_id: UUID | None = Field(default=None)
    integration_id: UUID | None = Field(default=None)
    path: str = Field(max_length=200)
    method: str = Field(max_length=80)
    tool: str = Field(max_length=128)
    key_hint: str = Field(max_length=32)
    detail: str = Field(max_length=300)
    rule_id: UUID | None = Field(default=None)
    rules: str = Field(max_length=200)
    policy_version: int = Field(sa_column=Column(BigInteger, nullable=False))
    receipt: str = Field(max_length=30)
