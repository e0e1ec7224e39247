"""Keys for the gateway as they go over the wire, and what leaked of them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.api.schemas import Asked, Environment, Moment, Name, Nanos, Page, Paging, Text, Told
from app.keys.lifetimes import LONGEST
from app.keys.rotation import LONGEST_HOURS

KeyState = Literal["live", "expiring", "rotating", "disabled", "expired", "revoked"]
Scopes = Annotated[
    list[Annotated[Text, Field(max_length=200)]],
    Field(max_length=200, description="“sampler” for an integration, “sampler/greet” for one of its tools."),
]
Networks = Annotated[
    list[Annotated[Text, Field(max_length=60)]],
    Field(max_length=100, description="Addresses and CIDR ranges that may use the key; none for anywhere."),
]
Rate = Annotated[int, Field(ge=1, le=10**9)]


class KeyFilters(Paging):
    """Which keys, as on the page of keys."""

    state: KeyState | None = None
    environment: Environment | None = None
    member_id: UUID | None = Field(default=None, description="Only keys that belong to this member.")
    is_service: Literal["true"] | None = Field(default=None, description="`true` for keys that are no member’s.")
    text: Annotated[Text, Field(max_length=80)] = Field(
        default="", description="In its name, its service, or what lists show of its secret."
    )


class KeyTold(Told):
    """A key for the gateway; never its secret."""

    id: UUID
    name: str
    environment: str
    state: str
    hint: str = Field(description="What lists show of its secret.")
    member_id: UUID | None = Field(description="Whose it is; null for a service’s.")
    service: str
    scopes: list[str] | None = Field(description="null for everything.")
    networks: list[str]
    calls_per_minute: int | None = Field(description="Its own rate; null for none.")
    cap_day_nanos: int | None = Field(description="The most that it may spend a day (UTC); null for no cap of its own.")
    cap_month_nanos: int | None = Field(description="The same of a month.")
    expires_at: datetime | None
    created_at: datetime
    rotated_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    deleted_at: datetime | None
    disabled_reason: str
    disabled_note: str


class KeyPage(Page):
    """Newest first."""

    items: list[KeyTold]


class KeyIssued(Told):
    """A key with its secret, which is told in this one answer."""

    key: KeyTold
    secret: str


class OwnerAsked(Asked):
    """A member, or a service with a name; not both."""

    member_id: UUID | None = None
    service: Annotated[Text, Field(max_length=60)] = ""


class KeyAsked(Asked):
    """A new key."""

    name: Name
    environment: Environment = "live"
    owner: OwnerAsked = Field(default=OwnerAsked(), description="Left out: a service without a name.")
    scopes: Scopes | None = None
    networks: Networks = Field(default=[])
    calls_per_minute: Rate | None = None
    cap_day_nanos: Nanos | None = None
    cap_month_nanos: Nanos | None = None
    expires_at: Moment | None = None


class KeyChanged(Asked):
    """What is to be different; what is left out stays. null takes a rate, a cap or an end away."""

    name: Name | None = None
    owner: OwnerAsked | None = None
    scopes: Scopes | None = None
    networks: Networks | None = None
    calls_per_minute: Rate | None = None
    cap_day_nanos: Nanos | None = None
    cap_month_nanos: Nanos | None = None
    expires_at: Moment | None = None


class KeysAsked(Asked):
    """Several keys."""

    ids: Annotated[list[UUID], Field(min_length=1, max_length=200)]


class KeysTold(Told):
    """Those that were revoked now; others among them were before."""

    revoked: list[KeyTold]


class RotationAsked(Asked):
    """How long the old secret goes on working; nothing for not at all."""

    overlap_hours: int = Field(default=0, ge=0, le=LONGEST_HOURS)
    quiet_hours: int | None = Field(
        default=None,
        ge=1,
        le=LONGEST_HOURS,
        description="Instead: until the old secret was not used for so many hours.",
    )
    expires_at: Moment | None = Field(default=None, description="The key’s new end; null for the one that it has.")


class DisablingAsked(Asked):
    """Why it is switched off."""

    note: Annotated[Text, Field(max_length=200)] = ""


class SecretTold(Told):
    """A secret that a key had before. retires_at: when it stops at the latest; null for one that waits for quiet."""

    id: UUID
    hint: str
    works: bool
    replaced_at: datetime
    retires_at: datetime | None
    quiet_hours: int | None
    ended_at: datetime | None
    calls_today: int
    last_used_at: datetime | None
    last_address: str
    last_client: str


class SecretPage(Page):
    """The last one first."""

    items: list[SecretTold]


class RefusedTold(Told):
    """Tries of one kind that were refused to a key in the last 24 hours; tries: at least."""

    reason: str
    title: str
    what_to_do: str
    tries: int


class SightingTold(Told):
    """From where and with what a key was used."""

    address: str
    client: str
    first_at: datetime
    last_at: datetime


class KeyActivity(Told):
    """What its page shows beside its usage. refused: most first; seen: the latest first, ten at most."""

    refused: list[RefusedTold]
    seen: list[SightingTold]


class KeyRules(Told):
    """What the organisation asks of its keys."""

    longest_days: int | None = Field(description="How many days a secret may live; null for ever.")


class KeyRulesChanged(Asked):
    """What is to be different; what is left out stays."""

    longest_days: int | None = Field(default=None, ge=1, le=LONGEST, description="null for no maximum.")


class LeakFilters(Paging):
    """Which finds."""

    key_id: UUID | None = None


class LeakTold(Told):
    """A key, or an admin key, that was found where it should not be. did: what was done. url: as it was reported,
    without secrets.
    """

    id: UUID
    key_id: UUID | None
    admin_key_id: UUID | None
    hint: str
    source: str
    url: str
    reporter: str
    did: str
    found_at: datetime


class LeakPage(Page):
    """Newest first."""

    items: list[LeakTold]


class LeakPolicyTold(Told):
    """What is done with a live key that leaks."""

    act: str


class LeakPolicyChanged(Asked):
    """What is to be different; what is left out stays."""

    act: Literal["revoke", "quarantine", "notify"] | None = None
