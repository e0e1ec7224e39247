"""Alerts on use, and which use is told of, as they go over the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.api.schemas import Asked, Page, Told
from app.unusual.rules import BOUNDS

FACTOR = "So many times the usual is unusual."
RATE_CALLS = "From so many calls an hour on."
ERROR_PERCENT = "So many of a hundred calls fail."
ERROR_CALLS = "Of at least so many an hour."
SILENT_DAYS = "Days without a call."


class UseAlertTold(Told):
    """One alert. key_id: null where it is about all calls. place: the client that is new, or the country’s code; null
    for other rules. ended_at, why_ended: null and "" while it is open.
    """

    id: UUID
    rule: str = Field(examples=["rate", "errors", "country", "client", "silent"])
    words: str
    key_id: UUID | None
    place: str | None
    began_at: datetime
    at: datetime = Field(description="When it was told.")
    ended_at: datetime | None
    why_ended: str
    seen_at: datetime | None = Field(description="When somebody marked it as seen.")


class UseAlertPage(Page):
    """Newest first."""

    items: list[UseAlertTold]


class UseRulesTold(Told):
    """Which rules are on, and their numbers."""

    rate: bool
    factor: int = Field(description=FACTOR)
    rate_calls: int = Field(description=RATE_CALLS)
    errors: bool
    error_percent: int = Field(description=ERROR_PERCENT)
    error_calls: int = Field(description=ERROR_CALLS)
    country: bool
    client: bool
    silent: bool
    silent_days: int = Field(description=SILENT_DAYS)


class UseRulesChanged(Asked):
    """What is to be different; what is left out stays."""

    rate: bool | None = None
    factor: Annotated[int, Field(ge=BOUNDS["factor"][0], le=BOUNDS["factor"][1])] | None = Field(
        default=None, description=FACTOR
    )
    rate_calls: Annotated[int, Field(ge=BOUNDS["rate_calls"][0], le=BOUNDS["rate_calls"][1])] | None = Field(
        default=None, description=RATE_CALLS
    )
    errors: bool | None = None
    error_percent: Annotated[int, Field(ge=BOUNDS["error_percent"][0], le=BOUNDS["error_percent"][1])] | None = Field(
        default=None, description=ERROR_PERCENT
    )
    error_calls: Annotated[int, Field(ge=BOUNDS["error_calls"][0], le=BOUNDS["error_calls"][1])] | None = Field(
        default=None, description=ERROR_CALLS
    )
    country: bool | None = None
    client: bool | None = None
    silent: bool | None = None
    silent_days: Annotated[int, Field(ge=BOUNDS["silent_days"][0], le=BOUNDS["silent_days"][1])] | None = Field(
        default=None, description=SILENT_DAYS
    )
