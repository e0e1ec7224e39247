"""Prepaid credit, as it goes over the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.api.schemas import Asked, Page, Paging, Told

Minor = Annotated[int, Field(ge=1, le=10**12)]
Currency = Annotated[str, Field(pattern=r"^[a-z]{3}$")]


class AutomaticTold(Told):
    """Topping up by itself: below what, by how much, at most how much a month; why it stopped, "" where it did not."""

    is_on: bool
    currency: str
    below_minor: int
    amount_minor: int
    month_most_minor: int
    bought_this_month_minor: int
    stopped_why: str


class CreditTold(Told):
    """What can be used. held: what calls under way may still use of it. expires: when something does next, and how much
    of what is left; null for never. least, most: what can be bought at once.
    """

    currency: str
    currencies: list[str] = Field(description="In which there ever was credit.")
    is_prepaid: bool = Field(description="Whether the plan uses credit.")
    balance_nanos: int
    held_nanos: int
    expires_at: datetime | None
    expires_nanos: int
    least_minor: int
    most_minor: int
    automatic: AutomaticTold | None = Field(description="null where nothing was ever agreed to.")


class CreditAsked(Asked):
    """In which currency; the one that is paid in if it is left out."""

    currency: Currency | None = None


class CreditFilters(Paging):
    """In which currency; the one that is paid in if it is left out."""

    currency: Currency | None = None


class GrantTold(Told):
    """Credit that was bought or given, with something left of it."""

    id: UUID
    kind: str
    currency: str
    nanos: int
    left_nanos: int
    created_at: datetime
    expires_at: datetime | None


class GrantPage(Page):
    """In the order in which they are used."""

    items: list[GrantTold]


class HistoryRow(Told):
    """What changed the balance. at: of what calls used, the end of that day or of what is known of it."""

    at: datetime
    kind: str
    words: str
    nanos: int
    balance_nanos: int


class HistoryPage(Page):
    """A month’s, newest first."""

    currency: str
    items: list[HistoryRow]


class AutomaticChanged(Asked):
    """What is to be different; what is left out stays. Switching it on is agreeing that the card is charged."""

    is_on: bool | None = None
    below_minor: Minor | None = None
    amount_minor: Minor | None = None
    month_most_minor: Minor | None = None


class TopUpAsked(Asked):
    """How much, in the currency that is paid in; and whether the card may be charged again without anybody there."""

    amount_minor: Minor
    keeps_card: bool = False
