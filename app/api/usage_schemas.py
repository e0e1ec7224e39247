"""What was used, and what it comes to, as it goes over the wire: the rest of schemas.py."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from app.api.schemas import Asked, Day, Page, Told


class UsageAsked(Asked):
    """Of which days (UTC), both included, 92 at most; the last 30 if nothing is said."""

    since: Day | None = None
    until: Day | None = None
    group_by: (
        Literal["day", "integration", "tool", "key", "member", "environment", "status", "error", "plan"] | None
    ) = None


class UsageFigures(Told):
    """Sums. errors: calls that did not end “ok”. durations: as near as buckets tell, null where nothing is known.
    amount: as charged call by call, before what a month adds.
    """

    calls: int
    errors: int
    units: int
    p50_us: int | None
    p95_us: int | None
    p99_us: int | None
    bytes_in: int
    bytes_out: int
    tokens_in: int
    tokens_out: int
    amount_nanos: int


class UsageGroup(Told):
    """value: a day, slug, “slug/tool”, id or name, as `group_by` says; label: for people."""

    value: str
    label: str
    figures: UsageFigures


class UsageTold(Told):
    """What was used."""

    since: date
    until: date
    data_until: datetime
    currency: str = Field(description="Empty while no plan says so.")
    total: UsageFigures
    groups: list[UsageGroup] = Field(description="Days from the first; of others the 200 with most calls, most first.")


class StatementLine(Told):
    """A line of a bill. nanos: before it was rounded to amount_minor."""

    key: str
    kind: str
    description: str
    currency: str
    metric: str
    quantity: int
    amount_nanos: int
    amount_minor: int
    begins_at: datetime
    ends_at: datetime


class StatementTotal(Told):
    """Of one currency: due is subtotal less credits."""

    currency: str
    subtotal_minor: int
    credits_minor: int
    due_minor: int


class StatementTold(Told):
    """A calendar month in UTC."""

    month: str
    begins_at: datetime
    ends_at: datetime
    is_over: bool = Field(description="Whether the month has ended.")
    lines: list[StatementLine]
    totals: list[StatementTotal]


class InvoiceTold(Told):
    """An invoice as Stripe has it."""

    id: str
    number: str
    state: str
    currency: str
    subtotal_minor: int
    tax_minor: int
    total_minor: int
    due_minor: int
    paid_minor: int
    period_begins_at: datetime
    period_ends_at: datetime
    created_at: datetime
    paid_at: datetime | None
    page_url: str
    pdf_url: str


class InvoicePage(Page):
    """Newest first."""

    items: list[InvoiceTold]
