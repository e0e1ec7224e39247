"""Sign-ins under way: what this browser must bring back from a provider, each for one use and a few minutes."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import session

from app.accounts.services import Claims

LASTS = timedelta(minutes=10)
AT_ONCE = 5
"""Sign-ins begun in one browser (several tabs); the oldest is forgotten beyond."""

_BEGUN = "sign_ins"
_LINKING = "linking"


@dataclass(frozen=True)
class Begun:
    """link_for: the person who wants to link what comes back; again_for: who is to show that it is them; both None when
    signing in. next_path: where to go then.
    """

    provider: str
    nonce: str
    code_verifier: str
    next_path: str | None
    link_for: str | None
    again_for: str | None = None


def begin(state: str, begun: Begun, *, now: datetime) -> None:
    """Remember a sign-in that leaves for its provider with `state`."""
    kept = dict(list(_kept().items())[-(AT_ONCE - 1) :])
    session[_BEGUN] = {**kept, state: {**asdict(begun), "at": now.timestamp()}}


def finish(state: str, *, now: datetime) -> Begun | None:
    """The sign-in that left with `state`, the first time and in time; None for any other."""
    kept = _kept()
    found = kept.pop(state, None)
    if found is None:
        return None
    session[_BEGUN] = kept
    at = found.pop("at")
    return Begun(**found) if now.timestamp() - at < LASTS.total_seconds() else None


def offer_link(claims: Claims, *, now: datetime) -> None:
    """Keep an identity that came back until the person says whether to link it."""
    session[_LINKING] = {**asdict(claims), "at": now.timestamp()}


def offered_link(*, now: datetime) -> Claims | None:
    """The identity that waits for an answer, while it does."""
    found = dict(session.get(_LINKING) or {})
    if not found or now.timestamp() - found.pop("at") >= LASTS.total_seconds():
        return None
    return Claims(**found)


def forget_link() -> None:
    """The question was answered."""
    session.pop(_LINKING, None)


def _kept() -> dict[str, Any]:
    return dict(session.get(_BEGUN) or {})
