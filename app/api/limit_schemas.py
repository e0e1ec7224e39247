"""Limits, caps and warnings, as they go over the wire."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.api.schemas import Asked, Nanos, Page, Text, Told
from app.billing.alerts import MOST_THRESHOLDS

Action = Literal["stop", "slow", "notify"]


class LimitTold(Told):
    """Something that calls are held against. most, used: calls, streams, or nanos of the currency, as `unit` says."""

    id: UUID
    is_own: bool = Field(description="Whether it is a cap that the organisation set, and may change and remove.")
    whose: str = Field(description="Which calls, in words.")
    words: str
    key_id: UUID | None
    integration_id: UUID | None
    measure: str
    period: str
    unit: str
    most: int
    used: int | None = Field(description="null for rates, and where each key counts by itself.")
    percent: int | None
    action: str = Field(description="At the limit calls `stop`, `slow` down, or go on and you are told: `notify`.")
    set_by: str
    decides: bool | None = Field(
        description="Whether no other of its kind is met sooner; null for own caps, which a key’s limits tell it of."
    )


class LimitPage(Page):
    """Caps of the organisation first, then what others have set."""

    items: list[LimitTold]


class CapAsked(Asked):
    """A cap on spending: of everything, of one key, or of one integration. One for the same calls is changed."""

    key_id: UUID | None = None
    integration: Annotated[Text, Field(max_length=60)] = Field(default="", description="Its slug.")
    period: Literal["day", "month"]
    most_nanos: Nanos
    action: Action = "stop"


class CapChanged(Asked):
    """What is to be different; what is left out stays."""

    most_nanos: Nanos | None = None
    action: Action | None = None


class AlertsTold(Told):
    """At which shares of caps, allowances and free units warnings come, in percent."""

    thresholds: list[int]
    by_mail: bool


class AlertsChanged(Asked):
    """What is to be different; what is left out stays."""

    thresholds: Annotated[list[Annotated[int, Field(ge=1, le=100)]], Field(max_length=MOST_THRESHOLDS)] | None = None
    by_mail: bool | None = None


class WarningTold(Told):
    """A warning that was given."""

    id: UUID
    threshold: int
    words: str
    at: datetime


class WarningPage(Page):
    """Newest first."""

    items: list[WarningTold]
