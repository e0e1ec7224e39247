"""Tries at a call, in words for whoever makes their first: what happened, and what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.core import crypto
from app.metering import attempts, models
from app.metering.models import Attempt
from app.metering.queries import Call


@dataclass(frozen=True, slots=True)
class Try:
    """A call that reached an integration, or a request that was refused before.

    id: the receipt, or the id of the refused request; "" for one that only came from the reader's address.
    what_to_do: "" when all is well. duration_us: None when refused.
    """

    id: str
    at: datetime
    is_ok: bool
    is_receipt: bool
    title: str
    what_to_do: str
    integration: str
    tool: str
    status: str
    duration_us: int | None


def newest_first(
    calls: Sequence[Call], refused: Sequence[Attempt], *, keys_url: str, gateway_url: str, operator: str
) -> list[Try]:
    """Calls and refusals as one list, newest first."""
    both = [_of_call(call) for call in calls]
    both += [_of_attempt(attempt, keys_url=keys_url, gateway_url=gateway_url, operator=operator) for attempt in refused]
    return sorted(both, key=lambda one: (one.at, one.id), reverse=True)


def state_of(tries: Sequence[Try]) -> str:
    """Changes whenever the list does: lets a page that asks again be told “nothing new” for nothing."""
    return crypto.digest(" ".join(one.id or one.at.isoformat() for one in tries))[:16]


_OF_CALLS = {
    models.TOOL_ERROR: "The tool ran and reported an error. Its answer, which you received, says what was wrong.",
    models.PROTOCOL_ERROR: "The integration refused the request. Its answer, which you received, says why.",
    models.UPSTREAM_ERROR: "The integration could not be reached or broke off. Nothing is charged; try again.",
    models.TIMEOUT: "The integration took too long. Nothing is charged; try again.",
    models.CANCELLED: "You went away before the answer was complete. Nothing is charged.",
}

_UNKNOWN_TOOL = "unknown_tool"
_ABOUT_TOOLS = frozenset((attempts.UNKNOWN_TOOL, attempts.TOOL_HELD))
"""Refusals of which the tool's name is what whoever reads them looks for."""
_TURNED_DOWN = "The integration turned the request down. The answer, which you received, says why. Nothing is charged."


def _of_call(call: Call) -> Try:
    event = call.event
    is_unknown = event.error_class == _UNKNOWN_TOOL
    is_turned_down = event.error_class.startswith("http_4")
    words = f"“{call.integration.slug}” has no tool called “{event.tool}”. Check the name: tools/list gives them all."
    return Try(
        id=event.id,
        at=event.at,
        is_ok=event.status == models.OK,
        is_receipt=True,
        title=f"{event.tool} of {call.integration.name}",
        what_to_do=words if is_unknown else _TURNED_DOWN if is_turned_down else _OF_CALLS.get(event.status, ""),
        integration=call.integration.slug,
        tool=event.tool,
        status=event.status,
        duration_us=event.duration_us,
    )


def _of_attempt(attempt: Attempt, *, keys_url: str, gateway_url: str, operator: str) -> Try:
    is_own = attempt.organisation_id is not None
    path = attempt.path if is_own else "the address that was called"
    explanation = attempts.explain(
        attempt.reason, path=path, keys_url=keys_url, gateway_url=gateway_url, operator=operator
    )
    return Try(
        id=attempt.id if is_own else "",
        at=attempt.at,
        is_ok=False,
        is_receipt=False,
        title=f"{explanation.title}: “{attempt.tool}”"
        if is_own and attempt.reason in _ABOUT_TOOLS
        else explanation.title,
        what_to_do=explanation.what_to_do,
        integration="",
        tool=attempt.tool if is_own else "",
        status=str(attempt.http_status),
        duration_us=None,
    )
