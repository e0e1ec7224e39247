"""Why a request was refused before it reached an integration, in words for whoever made it.

The gateway records the reason; its own answer says the same in the protocol's form (app/gateway/errors.py).
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete
from sqlmodel import Session, col

from app.core import db
from app.metering.models import Attempt

NO_KEY = "no_key"
NOT_A_KEY = "not_a_key"
INCOMPLETE_KEY = "incomplete_key"
UNKNOWN_KEY = "unknown_key"
REVOKED_KEY = "revoked_key"
DISABLED_KEY = "disabled_key"
EXPIRED_KEY = "expired_key"
ORGANISATION_STOPPED = "organisation_stopped"
RETIRED_KEY = "retired_key"
ADDRESS_NOT_ALLOWED = "address_not_allowed"
INTEGRATION_NOT_ALLOWED = "integration_not_allowed"
TOOL_NOT_ALLOWED = "tool_not_allowed"
KEY_IN_ADDRESS = "key_in_address"
UNKNOWN_INTEGRATION = "unknown_integration"
WRONG_PATH = "wrong_path"
UNKNOWN_SESSION = "unknown_session"
SAMPLES_ONLY = "samples_only"
UNKNOWN_TOOL = "unknown_tool"
TOOL_HELD = "tool_held"
NOTHING_APPROVED = "nothing_approved"
NEVER_REACHED = "never_reached"
MALFORMED = "malformed"
TOO_LARGE = "too_large"
TOO_SLOW = "too_slow"
HEADER_MISMATCH = "header_mismatch"
FOREIGN_ORIGIN = "foreign_origin"
RATE_LIMITED = "rate_limited"
TOO_MANY_STREAMS = "too_many_streams"
ALLOWANCE_USED = "allowance_used"
CAP_REACHED = "cap_reached"
NOT_PAID = "not_paid"
OVER_MAX_COST = "over_max_cost"
PRICE_UNKNOWN = "price_unknown"
IN_PROGRESS = "in_progress"
KEY_REUSED = "key_reused"
UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Explanation:
    """title: what happened. what_to_do: the next step. {keys_url}, {gateway_url}, {path} and {operator}, with a capital
    letter for the beginning of a sentence, may stand in either.
    """

    title: str
    what_to_do: str


EXPLANATIONS: dict[str, Explanation] = {
    NO_KEY: Explanation(
        "A call came without a key", "Send the key in the header “Authorization: Bearer …” or “X-API-Key: …”."
    ),
    NOT_A_KEY: Explanation(
        "What was sent as a key is not one",
        "A key looks like pst_live_ and 36 letters and digits. Copy it again, without quotes or spaces.",
    ),
    INCOMPLETE_KEY: Explanation(
        "The key is not complete",
        "It was cut short or mistyped: its checksum does not agree. Copy the whole key again.",
    ),
    UNKNOWN_KEY: Explanation(
        "Nobody here knows that key",
        "It has the form of a key, but it is none of this gateway's. Check that key and address belong together, "
        "or make a new key at {keys_url}.",
    ),
    REVOKED_KEY: Explanation("The key was revoked", "It works no more. Make a new one at {keys_url}."),
    DISABLED_KEY: Explanation(
        "The key is switched off",
        "It was disabled, not revoked: {operator} can enable it again. {keys_url} shows its state.",
    ),
    ORGANISATION_STOPPED: Explanation(
        "The organisation is stopped",
        "None of its keys works for now. Its members read why, and what they can do, at {keys_url}.",
    ),
    EXPIRED_KEY: Explanation(
        "The key has expired", "Make a new one at {keys_url}, or ask {operator} to move its expiry."
    ),
    RETIRED_KEY: Explanation(
        "The key has another secret by now",
        "It was rotated, and the time in which the former secret went on is over. Use the new one, or rotate it again "
        "at {keys_url} if that is lost.",
    ),
    ADDRESS_NOT_ALLOWED: Explanation(
        "The key may not be used from this address",
        "It is bound to certain networks, which {keys_url} shows. Call from one of them, or ask {operator} to change "
        "them.",
    ),
    INTEGRATION_NOT_ALLOWED: Explanation(
        "The key does not reach this integration",
        "{keys_url} shows what it reaches. {Operator} can add the scope; or use another key.",
    ),
    TOOL_NOT_ALLOWED: Explanation(
        "The key does not reach this tool",
        "{keys_url} shows what it reaches. {Operator} can add the scope; or use another key.",
    ),
    KEY_IN_ADDRESS: Explanation(
        "The key stood in the address",
        "Addresses end up in logs and histories, so a key there is never accepted. Revoke it at {keys_url} and send "
        "a new one in a header.",
    ),
    UNKNOWN_INTEGRATION: Explanation(
        "There is no integration at {path}", "Check its name in the address: {gateway_url}/k/name/mcp."
    ),
    WRONG_PATH: Explanation("There is nothing at {path}", "Addresses here look like {gateway_url}/k/sampler/mcp."),
    SAMPLES_ONLY: Explanation(
        "Test keys get samples of tools only", "Prompts and resources come from the integration itself: use a live key."
    ),
    UNKNOWN_SESSION: Explanation(
        "There is no such session", "It has ended, or another key opened it. Clients begin a new one by “initialize”."
    ),
    UNKNOWN_TOOL: Explanation(
        "There is no such tool", "Check its name: tools/list gives all that the integration has. Nothing is charged."
    ),
    TOOL_HELD: Explanation(
        "The tool is held back",
        "It is not what it was when it was approved. {Operator} has to look at it. Nothing is charged.",
    ),
    NOTHING_APPROVED: Explanation(
        "No tool of the integration may be called yet", "{Operator} has to approve them first."
    ),
    NEVER_REACHED: Explanation(
        "The tools of the integration are not known yet",
        "It has not answered since it was added. {Operator} has to look at it.",
    ),
    MALFORMED: Explanation(
        "The request could not be read",
        "The body must be one JSON-RPC 2.0 message, sent as application/json. The answer says where it broke.",
    ),
    TOO_LARGE: Explanation("The request was too large", "Send less in one call; the answer says how much is allowed."),
    TOO_SLOW: Explanation(
        "The request did not arrive in time", "Its body took too long. Try again on a better connection."
    ),
    HEADER_MISMATCH: Explanation(
        "Header and body did not agree",
        "Mcp-Method, Mcp-Name and MCP-Protocol-Version must say what the body says, each once.",
    ),
    FOREIGN_ORIGIN: Explanation(
        "A web page of another site made the call", "Browsers may call this gateway only from its own pages."
    ),
    RATE_LIMITED: Explanation(
        "Too many calls in a short time", "Wait a moment, or spread the calls out. Nothing was charged."
    ),
    TOO_MANY_STREAMS: Explanation(
        "Too many streams were open at once", "Close one, and the next can be opened at once."
    ),
    ALLOWANCE_USED: Explanation(
        "The allowance is used up", "The answer says when the next period begins, and who can raise the limit."
    ),
    CAP_REACHED: Explanation(
        "The cap on spending is reached", "The answer says when the next period begins, and who can raise the cap."
    ),
    NOT_PAID: Explanation(
        "The plan is not paid for",
        "Calls of tools that have a price pass again once the invoice is paid, or another card is given, on the page "
        "“Billing”.",
    ),
    OVER_MAX_COST: Explanation(
        "The call would cost more than it may", "Send a higher Max-Cost, or none. Nothing was sent on or charged."
    ),
    PRICE_UNKNOWN: Explanation(
        "The call has no price that could be charged", "{Operator} has to set one. Nothing was charged."
    ),
    IN_PROGRESS: Explanation(
        "The first try of this call is still under way", "Nothing was charged for this one. Try again in a few seconds."
    ),
    KEY_REUSED: Explanation(
        "The Idempotency-Key was used for another call",
        "Send the same call with it, or this one with a key of its own.",
    ),
    UNAVAILABLE: Explanation(
        "The gateway could not take calls just then", "Nothing was charged. Try again in a few seconds."
    ),
}


def explain(reason: str, *, path: str, keys_url: str, gateway_url: str, operator: str) -> Explanation:
    """The words for `reason`, with the addresses filled in. operator: as the settings call them.

    Raises KeyError for a reason that is not one of ours.
    """
    found = EXPLANATIONS[reason]
    words = {
        "path": path,
        "keys_url": keys_url,
        "gateway_url": gateway_url,
        "operator": operator,
        "Operator": operator[:1].upper() + operator[1:],
    }
    return Explanation(title=found.title.format(**words), what_to_do=found.what_to_do.format(**words))


def title_of(reason: str, path: str = "that address") -> str:
    """What happened, without what to do about it. Raises KeyError as above."""
    return EXPLANATIONS[reason].title.format(path=path)


def forget(session: Session, *, before: datetime) -> int:
    """Delete refused tries older than `before`; gives how many."""
    return db.changed_rows(session, delete(Attempt).where(col(Attempt.at) < before))
