"""How long keys may live: what is offered when one is made, and the most that an organisation allows."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session

from app.core import moments
from app.core.errors import Conflict, Invalid
from app.keys.models import KeyPolicy
from app.organisations import recording
from app.organisations.models import Organisation

PRESETS = (7, 30, 60, 90, 180, 365)
"""Days."""
LONGEST = 3650
"""Days that a maximum may be set to: who means longer means for ever."""
SOON = timedelta(days=7)
"""Before its end a key counts as expiring soon."""


def longest_days(session: Session, organisation_id: UUID) -> int | None:
    """How many days a secret of this organisation may live at most; None for ever."""
    policy = session.get(KeyPolicy, organisation_id)
    return None if policy is None else policy.longest_days


def offered(longest: int | None) -> list[int]:
    """The presets that a maximum leaves, in days, shortest first; the maximum itself is always among them."""
    if longest is None:
        return list(PRESETS)
    return [*(days for days in PRESETS if days < longest), longest]


def set_longest(
    session: Session, *, organisation: Organisation, days: int | None, person_id: UUID | None, now: datetime
) -> None:
    """Keys made, rotated or given another expiry from now on live `days` days at most, None for ever.

    Keys that there are stay as they are. Raises Invalid for a number that cannot be meant, Conflict if it is so
    already.
    """
    if days is not None and not 1 <= days <= LONGEST:
        raise Invalid(f"Write a number of days from 1 to {LONGEST:,}, or nothing for no maximum.")
    policy = session.get(KeyPolicy, organisation.id)
    was = None if policy is None else policy.longest_days
    if was == days:
        raise Conflict("That is the longest lifetime already.")
    policy = policy or KeyPolicy(organisation_id=organisation.id, changed_at=now)
    policy.longest_days, policy.changed_at = days, now
    session.add(policy)
    change = {"longest lifetime": f"{in_words(was)} → {in_words(days)}"}
    recording.record(session, organisation, "key_policy.changed", change, person_id=person_id, now=now)


def days(number: int) -> timedelta:
    """A preset as a span."""
    return timedelta(days=number)


def in_words(days: int | None) -> str:
    """“90 days”, or “no maximum”."""
    return "no maximum" if days is None else f"{days:,} day{'' if days == 1 else 's'}"


def latest(session: Session, organisation_id: UUID, *, made_at: datetime) -> datetime | None:
    """Until when a secret made at `made_at` may go on beside the one that replaced it; None for ever.

    One that is older than the maximum counts from when that was set: keys that there were then stay as they are.
    """
    policy = session.get(KeyPolicy, organisation_id)
    if policy is None or policy.longest_days is None:
        return None
    return max(made_at, policy.changed_at) + timedelta(days=policy.longest_days)


def check(session: Session, organisation: Organisation, *, expires_at: datetime | None, made_at: datetime) -> None:
    """Raises Invalid if a secret made at `made_at` would live longer than its organisation allows."""
    longest = longest_days(session, organisation.id)
    if longest is None:
        return
    latest = made_at + timedelta(days=longest)
    if expires_at is None or expires_at > latest:
        raise Invalid(
            f"Keys of “{organisation.name}” live {in_words(longest)} at most: choose an expiry until "
            f"{moments.words(latest)}, or rotate the key for a new secret."
        )
