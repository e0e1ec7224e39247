"""What goes over the wire, as pydantic models: requests are read with them, answers written, the document made of them.

Times are RFC 3339 in UTC. Money is an integer in the unit that its name says: `…_minor` are whole cents (or yen),
`…_nanos` are 1e-9 of those. Requests hold no field that is not here; answers may get more.
"""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

_DAY = re.compile(r"(?a)\d{4}-\d\d-\d\d")
_YEARS = range(1970, 3000)


def _in_utc(moment: datetime) -> datetime:
    if moment.year not in _YEARS:
        raise ValueError(f"Choose a year from {_YEARS[0]} to {_YEARS[-1]}.")
    return moment.astimezone(UTC)


def _day(value: object) -> object:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("Write a day as 2026-11-30.")
    return value


Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""Databases keep no NUL."""
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Role = Literal["owner", "admin", "developer", "billing", "viewer"]
Environment = Literal["live", "test"]
Name = Annotated[Text, Field(min_length=1, max_length=80, examples=["ci"])]
Nanos = Annotated[int, Field(ge=0, le=2**62)]
"""1e-9 of a minor unit: 5_000_000_000_000 are 50.00 dollars."""


class Asked(BaseModel):
    """What comes in."""

    model_config = ConfigDict(extra="forbid")


class Told(BaseModel):
    """What goes out."""


class Paging(Asked):
    """Which page of a list."""

    limit: int = Field(default=50, ge=1, le=200, description="Rows of a page.")
    cursor: Annotated[str, Field(max_length=400)] | None = Field(
        default=None, description="`next_cursor` of the page before."
    )


class Page(Told):
    """A page of a list."""

    next_cursor: str | None = Field(description="`cursor` for the next page; null on the last one.")


class Problem(Told):
    """RFC 9457."""

    type: str = Field(description="Always `about:blank`: the status says what kind of problem it is.")
    title: str
    status: int
    detail: str = Field(description="In words, for people.")
    request_id: str = Field(description="To be named when asking for help.")
    errors: list["Wrong"] = Field(default=[], description="Each field that is wrong.")


class Wrong(Told):
    """One thing that is wrong with a request."""

    where: str = Field(description="`body/name`, `query/limit`.")
    detail: str


class OrganisationTold(Told):
    """The organisation that the admin key belongs to. seats: 0 for as many as one likes."""

    id: UUID
    slug: str
    name: str
    is_personal: bool
    billing_email: str = Field(description="Where invoices go; of a payer, as Stripe knows it.")
    members: int
    seats: int
    closes_at: datetime | None = Field(description="When it will be deleted; null where nobody asked for it.")
    created_at: datetime
    stopped_at: datetime | None = Field(description="Since when no key of it opens the gateway; null while they do.")
    stopped_why: str


class OrganisationChanged(Asked):
    """What is to be different; what is left out stays."""

    name: Name | None = None
    slug: Annotated[Text, Field(max_length=40)] | None = None
    billing_email: Annotated[Text, Field(max_length=254)] | None = Field(
        default=None, description="Before it first pays; from then on it is changed in Stripe’s customer portal."
    )


def fields_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of each field, for parameters; such models hold no others."""
    found: dict[str, Any] = model.model_json_schema()["properties"]
    return found
