"""Plans and what they cost, as they go over the wire."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.api.schemas import Asked, Moment, Page, Paging, Text, Told
from app.plans.services import REASON_LENGTH

Slug = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
Interval = Literal["month", "year"]
Currency = Annotated[str, Field(pattern=r"^[a-z]{3}$")]
Seats = Annotated[int, Field(ge=0, le=100_000)]


class Fee(Told):
    """What is paid, in whole minor units."""

    words: str
    amount_minor: int


class ChargeTold(Told):
    """What is paid by use: for what, and its price in words."""

    label: str
    price: str


class PlanTold(Told):
    """A version of a plan, in the currency and interval that were asked for. seats_included: 0 for as many as one
    likes. is_own: what the organisation is on, at the prices that it pays; is_newer: that plan at today’s.
    """

    version_id: UUID
    plan: str
    name: str
    kind: str
    currency: str
    interval: str
    seats: int
    seats_included: int
    seats_most: int
    fees: list[Fee]
    charges: list[ChargeTold]
    is_own: bool
    is_newer: bool


class PlanPage(Page):
    """In the order in which the portal has them."""

    items: list[PlanTold]


class PlanFilters(Paging):
    """In which currency and interval."""

    currency: Currency | None = None
    interval: Interval | None = None


class NextPlan(Told):
    """What follows. plan: null for the default one. by: `customer` or `operator`."""

    plan: str | None
    at: datetime
    by: str


class StandingTold(Told):
    """What the organisation is on. pays: `ok`, `past_due`, `unpaid`, `paused`, or `never` before it first paid."""

    plan: str
    name: str
    kind: str
    version_id: UUID
    is_default: bool
    currency: str
    interval: str
    seats: int
    members: int
    begins_at: datetime | None
    following: NextPlan | None
    pays: str
    card: str = Field(description="What people know it by; empty for none.")


class LookAsked(Asked):
    """How it is wanted; what is left out is as it is, or as it usually would be."""

    currency: Currency | None = None
    interval: Interval | None = None
    seats: Seats | None = None
    terms: Literal["kept", "todays"] = Field(
        default="kept", description="Whether whoever is on the plan keeps its prices, or takes today’s."
    )


class Rise(Told):
    """Other fees that were announced."""

    at: datetime
    fees: list[Fee]


class LookTold(Told):
    """What a plan would change. how: `same`; `here`, without money; `checkout`, a first payment; `now` or `later`, by
    changing what is paid for; `away`, by ending it then. shown_at: the moment for which amounts are right, to be sent
    with the change. until: how far what is paid today reaches.
    """

    plan: PlanTold
    how: str
    at: datetime
    shown_at: datetime
    today: list[Fee]
    today_total_minor: int
    until: datetime | None
    rise: Rise | None
    obstacle: str = Field(description="Why it cannot be agreed to; empty for nothing.")
    takes_payments: bool


class PlanAsked(LookAsked):
    """Another plan, other seats, another interval."""

    plan: Slug
    shown_at: Moment | None = Field(
        default=None, description="Of the look at it, for a change at once: amounts hold for 30 minutes."
    )


class PlanChanged(Told):
    """how: as of a look. url: Stripe's Checkout, where a person pays first; null where that is not needed."""

    how: str
    at: datetime
    url: str | None
    standing: StandingTold


class CancelAsked(Asked):
    """Why, for whoever runs this gateway."""

    reason: Annotated[Text, Field(max_length=REASON_LENGTH)] = ""


class PageTold(Told):
    """An address at Stripe for a person to open; it is good for a short time."""

    url: str
