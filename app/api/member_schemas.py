"""Members and invitations, as they go over the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.api.schemas import Asked, Page, Role, Text, Told
from app.organisations.inviting import DAYS_MOST, DAYS_USUAL, USES_MOST


class MemberTold(Told):
    """Somebody who belongs to it."""

    id: UUID
    name: str
    email: str | None
    role: str
    joined_at: datetime
    last_seen_at: datetime | None


class MemberPage(Page):
    """Who joined last comes first."""

    items: list[MemberTold]


class MemberChanged(Asked):
    """What is to be different; what is left out stays."""

    role: Role | None = None


class InvitationAsked(Asked):
    """By mail to one person, or a link for several: `email`, or `uses`."""

    role: Role
    email: Annotated[Text, Field(max_length=254)] = Field(default="", description="To whom; left out for a link.")
    uses: int = Field(default=1, ge=1, le=USES_MOST, description="How many may join by a link.")
    days: int = Field(default=DAYS_USUAL, ge=1, le=DAYS_MOST, description="For how many days it is good.")


class InvitationTold(Told):
    """An invitation; never its link."""

    id: UUID
    state: str = Field(description="`open`, `used up`, `expired` or `revoked`.")
    email: str = Field(description="To whom it was sent; empty for a link.")
    role: str
    uses: int
    uses_most: int
    created_by: str
    created_at: datetime
    sent_at: datetime
    expires_at: datetime


class InvitationPage(Page):
    """Newest first."""

    items: list[InvitationTold]


class InvitationMade(Told):
    """url: of a link, told in this one answer; null where it went by mail."""

    invitation: InvitationTold
    url: str | None
