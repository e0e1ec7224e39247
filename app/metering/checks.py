"""What the gateway looked at before a request was let in or refused, in its order: one sentence for each.

The order is that of app/gateway/app.py. Of a refused request only those are told that surely came before.
"""

from dataclasses import dataclass

from sqlmodel import Session

from app.metering import attempts, explaining_words
from app.metering.models import Attempt, Crowd, UsageEvent

CALL = "tools/call"

_KEY = "The key was known, and worked."
_ADDRESS = "It may be used from the address that it was used from."
_INTEGRATION = "The integration was there, and switched on."
_MESSAGE = "The request could be read, and its headers said the same as its body."
_REACH = "The key reaches what was asked for."
_TOOL = "The tool was approved."
_BEFORE_REACH = (_KEY, _ADDRESS, _INTEGRATION, _MESSAGE)
_BEFORE_TOOL = (*_BEFORE_REACH, _REACH)
_BEFORE_LIMITS = (*_BEFORE_TOOL, _TOOL)

_PASSED = {
    attempts.ADDRESS_NOT_ALLOWED: (_KEY,),
    attempts.UNKNOWN_INTEGRATION: (_KEY, _ADDRESS),
    **dict.fromkeys(
        (
            attempts.UNKNOWN_SESSION,
            attempts.INTEGRATION_NOT_ALLOWED,
            attempts.TOOL_NOT_ALLOWED,
            attempts.UNKNOWN_TOOL,
        ),
        _BEFORE_REACH,
    ),
    **dict.fromkeys(
        (attempts.SAMPLES_ONLY, attempts.TOOL_HELD, attempts.NOTHING_APPROVED, attempts.NEVER_REACHED), _BEFORE_TOOL
    ),
    **dict.fromkeys(
        (
            *(attempts.IN_PROGRESS, attempts.KEY_REUSED, attempts.RATE_LIMITED, attempts.TOO_MANY_STREAMS),
            *(attempts.ALLOWANCE_USED, attempts.CAP_REACHED, attempts.NOT_PAID),
            *(attempts.OVER_MAX_COST, attempts.PRICE_UNKNOWN),
        ),
        _BEFORE_LIMITS,
    ),
}


@dataclass(frozen=True, slots=True)
class Check:
    """words: a sentence. has_passed: False for the one that refused it, which is the last."""

    words: str
    has_passed: bool = True


def of_event(session: Session, event: UsageEvent) -> list[Check]:
    """All that a call passed that was let in."""
    passed = list(_BEFORE_TOOL)
    passed.append(f"The tool was as approved: definition {event.tool_version}…" if event.tool_version else _TOOL)
    if event.idempotency_digest:
        passed.append("Its Idempotency-Key had not been answered before.")
    limits = explaining_words.each_limit(
        session, event.rules, organisation_id=event.organisation_id, key_id=event.key_id, at=event.at
    )
    passed += [f"There was room in {one}." for one in limits] or ["No limit applied to it."]
    return [Check(words) for words in passed]


def of_refused(one: Attempt | Crowd, why: str) -> list[Check]:
    """What it passed, and what refused it. why: in a sentence."""
    passed = _PASSED.get(one.reason, ())
    return [*(Check(words) for words in passed if words != _TOOL or one.method == CALL), Check(why, has_passed=False)]
