"""Calls as they go over the wire: the rest of usage_schemas.py."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.api.schemas import Page, Told
from app.api.usage_schemas import UsageFilters


class CallsAsked(UsageFilters):
    """Which calls, and which page of them."""

    limit: int = Field(default=50, ge=1, le=200, description="Rows of a page.")
    cursor: Annotated[str, Field(max_length=400)] | None = Field(
        default=None, description="`next_cursor` of the page before."
    )


class CallTold(Told):
    """One line of the ledger. id: the receipt. upstream_us: what of duration_us the integration took."""

    id: str
    request_id: str
    at: datetime
    integration: str = Field(description="Its slug.")
    tool: str
    key_id: UUID
    key: str = Field(description="The key’s name.")
    environment: str
    status: str
    error_class: str
    http_status: int
    units: int = Field(description="1 for a result, 0 without one, -1 where a call was taken back.")
    duration_us: int
    upstream_us: int
    bytes_in: int
    bytes_out: int
    tokens_in: int
    tokens_out: int
    amount_nanos: int
    currency: str


class CallPage(Page):
    """Newest first, by when they began."""

    items: list[CallTold]


class CallCheck(Told):
    """What the gateway looked at before it let the call in."""

    words: str
    has_passed: bool


class CallExplained(Told):
    """A call with all that is kept about it. key_hint: of the secret that was the key’s own then."""

    call: CallTold
    key_hint: str
    owner: str = Field(description="Whose the key is.")
    ended: str
    checks: list[CallCheck]
    policy_version: int
    tool_version: str
    protocol_version: str
    price_version_id: UUID | None
    cost: str = Field(description="How the amount came about.")
    place: int | None = Field(description="In the sealed chain (docs/proofs.md), null until it is sealed.")
    related: list[str] = Field(description="Receipts of the same request, or of the same Idempotency-Key.")
    replays: int = Field(description="Retries that were answered with its answer, as far as that is kept.")
