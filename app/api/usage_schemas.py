"""What was used, as it goes over the wire."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from app.api.schemas import Asked, Page, Text, Told

Split = Literal["integration", "tool", "key", "member", "environment", "status", "error", "plan"]
Metric = Literal["calls", "errors", "p50", "p95", "p99", "bytes", "tokens", "spend"]
Moments = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2})?$")]
Value = Annotated[Text, Field(max_length=200)]


class UsageFilters(Asked):
    """Of when, and of which calls: what the usage page has in its address, under the same names."""

    period: Literal["today", "24h", "7d", "30d", "90d", "month"] | None = Field(
        default=None, description="Instead of since and until; `30d` if nothing is said."
    )
    since: Moments | None = Field(
        default=None, description="A day or an hour in UTC; 30 days up to `until` if left out."
    )
    until: Moments | None = Field(default=None, description="Included; today if left out. 400 days at most.")
    integration: Value = Field(default="", description="Its slug.")
    tool: Value = Field(default="", description="`slug/tool`.")
    key: Value = Field(default="", description="Its id.")
    member: Value = Field(default="", description="A person’s id, or `service` for keys that are nobody’s.")
    environment: Literal["", "live", "test"] = ""
    status: Value = Field(default="", description="`ok`, `tool_error`, …; `failed` for any but `ok`.")
    error: Value = Field(default="", description="A class of errors, or `none`.")
    plan: Value = Field(default="", description="Its slug, or `none`.")


class UsageAsked(UsageFilters):
    """Split by what, and by which figure groups are ordered."""

    group_by: Literal["hour", "day"] | Split | None = None
    order_by: Metric = "calls"
    limit: int = Field(default=200, ge=1, le=200, description="Groups of a page; days and hours come all at once.")
    cursor: Annotated[str, Field(max_length=400)] | None = Field(
        default=None, description="`next_cursor` of the page before."
    )


class ChartAsked(UsageFilters):
    """What is shown, split by what."""

    group_by: Split = "status"
    show: Metric = "calls"


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
    """value: a day, hour, slug, “slug/tool”, id or name, as `group_by` says and filters take it; label: for people."""

    value: str
    label: str
    figures: UsageFigures


class UsageTold(Page):
    """What was used. since, until: days, or hours of up to three days; both included."""

    since: str
    until: str
    data_until: datetime
    currency: str = Field(description="Empty while no plan says so.")
    total: UsageFigures
    groups: list[UsageGroup] = Field(description="Hours and days from the first; of others those with most first.")


class ChartSeries(Told):
    """A group with its figure in each step; null where nothing is known. value: "" for everything else together."""

    value: str
    label: str
    values: list[int | None]


class ChartTold(Told):
    """The chart of the usage page. unit: `calls`, `us`, `nanos` of the currency, …; steps: where each begins. now,
    before: what can be compared: this period up to the last full hour, and as long a one before it.
    """

    since: str
    until: str
    data_until: datetime
    currency: str
    unit: str
    now: UsageFigures
    before: UsageFigures
    steps: list[datetime]
    series: list[ChartSeries]
