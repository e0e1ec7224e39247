"""The one table from what went wrong to how it is said, over HTTP and in JSON-RPC. Why so: docs/adr/0004."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import msgspec

from app.core.errors import PosternError
from app.gateway.reply import HeaderItems
from app.gateway.upstream import problems
from app.gateway.upstream.problems import UpstreamProblem
from app.keys.grants import Grant
from app.metering import attempts, models

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
HEADER_MISMATCH = -32020
PAYMENT = -31402
NOT_ALLOWED = -31403
LEDGER_AWAY = -31503
"""Codes of our own lie outside -32768..-32000, which JSON-RPC and MCP keep for themselves."""

MessageId = str | int | None


class Refused(PosternError):
    """The gateway does not pass a request on.

    reason: one of app/metering/attempts.py. detail: what exactly, when the reason's own words are too general.
    status, code: where they differ from the table. grant, key_hint: whose request it was, as far as can be told.
    aside: what is said to the caller, and kept nowhere. headers: for the answer. rule_id: the limit that decided. data:
    what programs are told beside the reason.
    """

    def __init__(
        self,
        reason: str,
        detail: str = "",
        *,
        status: int | None = None,
        code: int | None = None,
        grant: Grant | None = None,
        key_hint: str = "",
        aside: str = "",
        headers: HeaderItems = (),
        rule_id: UUID | None = None,
        data: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        form = REFUSALS[reason]
        self.reason = reason
        self.detail = detail
        self.status = status or form.status
        self.code = code or form.code
        self.grant = grant
        self.key_hint = key_hint
        self.aside = aside
        self.headers = headers
        self.rule_id = rule_id
        self.data = data or {}

    def words(self, *, path: str, keys_url: str, gateway_url: str, operator: str) -> str:
        """What happened and what to do about it, for a person or a model."""
        told = attempts.explain(self.reason, path=path, keys_url=keys_url, gateway_url=gateway_url, operator=operator)
        words = f"{told.title}: {self.detail}" if self.detail else f"{told.title}. {told.what_to_do}"
        if self.detail and self.code == NOT_ALLOWED:
            words += f" {told.what_to_do}"
        if self.aside:
            words += f" {self.aside}"
        if self.status == 401 and keys_url not in words:
            words += f" Keys are made at {keys_url}."
        return words


@dataclass(frozen=True, slots=True)
class Form:
    """status: of HTTP. code: of the JSON-RPC error."""

    status: int
    code: int


REFUSALS = {
    attempts.NO_KEY: Form(401, -31401),
    attempts.NOT_A_KEY: Form(401, -31401),
    attempts.INCOMPLETE_KEY: Form(401, -31401),
    attempts.UNKNOWN_KEY: Form(401, -31401),
    attempts.REVOKED_KEY: Form(401, -31401),
    attempts.DISABLED_KEY: Form(401, -31401),
    attempts.ORGANISATION_STOPPED: Form(403, NOT_ALLOWED),
    attempts.EXPIRED_KEY: Form(401, -31401),
    attempts.RETIRED_KEY: Form(401, -31401),
    attempts.ADDRESS_NOT_ALLOWED: Form(401, -31401),
    attempts.INTEGRATION_NOT_ALLOWED: Form(403, NOT_ALLOWED),
    attempts.TOOL_NOT_ALLOWED: Form(403, NOT_ALLOWED),
    attempts.KEY_IN_ADDRESS: Form(400, -31400),
    attempts.UNKNOWN_INTEGRATION: Form(404, -31404),
    attempts.WRONG_PATH: Form(404, -31404),
    attempts.UNKNOWN_SESSION: Form(404, -31404),
    attempts.SAMPLES_ONLY: Form(403, -31403),
    attempts.UNKNOWN_TOOL: Form(200, INVALID_PARAMS),
    attempts.TOOL_HELD: Form(200, -31409),
    attempts.NOTHING_APPROVED: Form(503, -31503),
    attempts.NEVER_REACHED: Form(503, -31503),
    attempts.MALFORMED: Form(400, INVALID_REQUEST),
    attempts.TOO_LARGE: Form(413, -31413),
    attempts.TOO_SLOW: Form(408, -31408),
    attempts.HEADER_MISMATCH: Form(400, HEADER_MISMATCH),
    attempts.FOREIGN_ORIGIN: Form(403, -31403),
    attempts.RATE_LIMITED: Form(429, -31429),
    attempts.TOO_MANY_STREAMS: Form(429, -31429),
    attempts.ALLOWANCE_USED: Form(200, PAYMENT),
    attempts.CAP_REACHED: Form(200, PAYMENT),
    attempts.NOT_PAID: Form(200, PAYMENT),
    attempts.OVER_MAX_COST: Form(200, PAYMENT),
    attempts.PRICE_UNKNOWN: Form(200, PAYMENT),
    attempts.IN_PROGRESS: Form(200, -31409),
    attempts.KEY_REUSED: Form(200, -31422),
    attempts.UNAVAILABLE: Form(503, -31503),
}


@dataclass(frozen=True, slots=True)
class Failure:
    """Something behind the gateway failed. status, error_class: in the ledger.

    http_status, tool_status: for what is free, whose clients go by it, and for calls of tools, whose clients would lose
    the words with anything but 200. words: with {name} for the integration's. retry_after_s: 0 if there is no saying.
    """

    status: str
    error_class: str
    http_status: int
    code: int
    words: str
    tool_status: int = 200
    retry_after_s: int = 0


FAILURES: dict[type[UpstreamProblem], Failure] = {
    problems.Unreachable: Failure(
        models.UPSTREAM_ERROR, "unreachable", 502, -31502, "“{name}” cannot be reached right now. Try again later."
    ),
    problems.Forbidden: Failure(
        models.UPSTREAM_ERROR,
        "forbidden_address",
        502,
        -31502,
        "“{name}” is at an address that this gateway does not call, so nothing was sent to it. "
        "Whoever runs the integration has to look at this.",
    ),
    problems.Busy: Failure(
        models.UPSTREAM_ERROR, "busy", 503, -31502, "“{name}” is busy: all its connections are in use. Try again soon."
    ),
    problems.TimedOut: Failure(models.TIMEOUT, "timeout", 504, -31504, "“{name}” did not answer in time."),
    problems.BrokeOff: Failure(
        models.UPSTREAM_ERROR, "broke_off", 502, -31502, "“{name}” broke off before its answer was complete."
    ),
    problems.BadAnswer: Failure(
        models.UPSTREAM_ERROR, "bad_answer", 502, -31502, "“{name}” answered with something that is not MCP."
    ),
    problems.LockedOut: Failure(
        models.UPSTREAM_ERROR,
        "locked_out",
        502,
        -31502,
        "“{name}” did not let the gateway in. Your key is fine; whoever runs the integration has to look at this.",
    ),
}


WITHHELD = Failure(
    models.UPSTREAM_ERROR,
    "not_recorded",
    503,
    LEDGER_AWAY,
    "The answer of “{name}” was withheld, because the call could not be written down. It may have had its effect.",
)
LEDGER_TROUBLED = Failure(
    models.UPSTREAM_ERROR,
    "not_recorded",
    503,
    LEDGER_AWAY,
    "Calls cannot be written down just now, so this one was not made. Try again in a few seconds.",
)


def failing(wait_s: int) -> Failure:
    """For a call that is not made, because the integration kept failing and is left alone for so long."""
    seconds = "1 second" if wait_s == 1 else f"{wait_s} seconds"
    words = f"“{{name}}” has been failing; the gateway will ask it again in {seconds}. This call was not made."
    return Failure(models.UPSTREAM_ERROR, "failing", 503, -31502, words, retry_after_s=wait_s)


ENDED = Failure(models.UPSTREAM_ERROR, "ended", 503, -31503, "The gateway ended the stream before it began. Try again.")


_WORDS_OF_STATUS = {
    406: "“{name}” wants the header “Accept: application/json, text/event-stream”, with both.",
}


def failure_of(problem: UpstreamProblem) -> Failure:
    """How a failure is recorded and said. Raises KeyError for problems that nobody is told about."""
    if isinstance(problem, problems.ErrorStatus):
        return _error_status(problem.status)
    return FAILURES[type(problem)]


def _error_status(status: int) -> Failure:
    """4xx is passed on, because clients go by it: 404 says that a session has ended, 405 that there is no stream."""
    is_callers = 400 <= status < 500
    return Failure(
        models.UPSTREAM_ERROR,
        f"http_{status}",
        http_status=status if is_callers else 502,
        code=-31502,
        words=_WORDS_OF_STATUS.get(status, f"“{{name}}” answered with HTTP {status} and did not say why."),
        tool_status=status if is_callers else 200,
    )


def body(
    message_id: MessageId,
    code: int,
    message: str,
    *,
    reason: str,
    request_id: str,
    more: Mapping[str, object] | None = None,
) -> bytes:
    """A JSON-RPC error. reason: the short name by which programs may tell errors apart. more: of data."""
    error = {"code": code, "message": message, "data": {"reason": reason, **(more or {}), "requestId": request_id}}
    return msgspec.json.encode({"jsonrpc": "2.0", "id": message_id, "error": error})


def apology(request_id: str) -> bytes:
    """For a mistake of ours."""
    words = f"Something went wrong in the gateway. It was written down as {request_id}."
    return body(None, INTERNAL_ERROR, words, reason="internal_error", request_id=request_id)
