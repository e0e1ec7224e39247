"""What an integration's answer to a call of a tool was, read from its envelope without looking at what it carries."""

import json
import re
from dataclasses import dataclass
from typing import Any

import msgspec

from app.gateway.errors import MessageId
from app.gateway.upstream.problems import BadAnswer
from app.metering import models

KEPT_BYTES = 1024 * 1024
EDGE_BYTES = 4 * 1024


@dataclass(frozen=True, slots=True)
class Outcome:
    """status, error_class, units: as in the ledger: a result counts, whatever it says; an error does not.

    is_final: False for an answer that only asks for more input, which is no event; the caller's next request, under
    another id, is the call.
    """

    status: str
    error_class: str = ""
    units: int = 0
    is_final: bool = True


OK = Outcome(models.OK, units=1)
INPUT_REQUIRED = Outcome(models.OK, "input_required", is_final=False)
RESUMABLE = Outcome(models.OK, "resumable", units=1)
"""The stream ended before the answer, but the integration keeps it for whoever resumes: the answer will be had."""

_OURS = range(-31599, -31399)
"""Codes by which the gateway refuses (errors.py). An integration that used them would speak for it."""

_RPC_ERRORS = {
    -32600: "invalid_request",
    -32601: "method_not_found",
    -32602: "invalid_params",
    -32603: "internal_error",
    -32020: "header_mismatch",
    -32021: "missing_capability",
    -32022: "unsupported_version",
}
# What mcp 1.x and 2.x (Python), the TypeScript SDK and FastMCP answer to a tool that they do not have.
_UNKNOWN_TOOL = re.compile(rb"(?i)unknown tool\b|\btool\b[^\"]{0,160}\bnot found\b|no such tool\b")
_IS_ERROR = re.compile(rb'(?<!\\)"isError"\s*:\s*true')
_RESULT_TYPE = re.compile(rb'(?<!\\)"resultType"\s*:\s*"(\w+)"')


class _Result(msgspec.Struct):
    is_error: Any = msgspec.field(default=False, name="isError")
    result_type: Any = msgspec.field(default=None, name="resultType")
    content: msgspec.Raw = msgspec.Raw(b"")


class _Error(msgspec.Struct):
    code: Any = None
    message: msgspec.Raw = msgspec.Raw(b"")


class _Message(msgspec.Struct):
    id: Any = None
    method: Any = None
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Usual(msgspec.Struct):
    """The same with its result read at once. What this cannot read is read with more care."""

    id: Any = None
    method: Any = None
    result: _Result | msgspec.UnsetType = msgspec.UNSET
    error: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_usual = msgspec.json.Decoder(_Usual)
_message = msgspec.json.Decoder(_Message)
_result = msgspec.json.Decoder(_Result)
_error = msgspec.json.Decoder(_Error)


def of_message(body: bytes, asked: MessageId = None) -> Outcome | None:
    """What the JSON-RPC response in `body` says; None when it is not a response, or not to what was asked.

    asked: the id of the request, of which clients take "7" for 7; None to take any response.
    Raises BadAnswer for a response that could be read in two ways, or that speaks for the gateway.
    """
    try:
        said = _usual.decode(body)
        result = said.result
        if result is not msgspec.UNSET and said.method is None and said.error is msgspec.UNSET and said.id == asked:
            is_once = body.count(b'"result"') == 1 and b'"error"' not in body
            if is_once and result.is_error is not True and result.result_type != "input_required":
                return OK
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass  # something rarer
    return _of_rarer(body, asked)


def _of_rarer(body: bytes, asked: MessageId) -> Outcome | None:
    try:
        outcome = _of_batch(body, asked) if body.lstrip()[:1] == b"[" else _of_one(body, asked)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if outcome is not None and (body.count(b'"result"') > 1 or body.count(b'"error"') > 1):
        _refuse_doubles(body)
    return outcome


def of_event(data: bytes, asked: MessageId = None) -> Outcome | None:
    """The same for the data of an event on a stream. What only a lenient reader understands counts as a response if
    it looks like one, because such a reader may be the one who called.
    """
    outcome = of_message(data, asked)
    if outcome is None and data and _is_broken(data) and (b'"result"' in data or b'"error"' in data):
        return of_edges(data[:EDGE_BYTES], data[-EDGE_BYTES:])
    return outcome


def of_edges(head: bytes, tail: bytes) -> Outcome:
    """The best guess for an answer that is too large to be kept: it has a result; was it marked as an error?

    head, tail: its first and last EDGE_BYTES.
    """
    found = _RESULT_TYPE.search(head) or _RESULT_TYPE.search(tail)
    if found is not None and found[1] == b"input_required":
        return INPUT_REQUIRED
    return Outcome(models.TOOL_ERROR, units=1) if _IS_ERROR.search(head) or _IS_ERROR.search(tail) else OK


def _of_batch(body: bytes, asked: MessageId) -> Outcome | None:
    """Servers of 2025-03-26 may put several messages into one; the first response among them is the answer."""
    found = (_of_one(message, asked) for message in msgspec.json.decode(body, type=list[msgspec.Raw]))
    return next((outcome for outcome in found if outcome is not None), None)


def _of_one(body: bytes | msgspec.Raw, asked: MessageId) -> Outcome | None:
    message = _message.decode(body)
    if message.method is not None:
        return None
    if asked is not None and message.id != asked and str(message.id) != str(asked):
        is_of_unread = message.id is None and message.error is not msgspec.UNSET  # an error that names no request
        if not is_of_unread:
            return None
    if message.error is not msgspec.UNSET:
        return _of_error(_error.decode(message.error))
    return None if message.result is msgspec.UNSET else _of_result(_result.decode(message.result))


def _is_broken(data: bytes) -> bool:
    try:
        msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return True
    return False


def _of_result(result: _Result) -> Outcome:
    if result.result_type == "input_required":
        return INPUT_REQUIRED
    if result.is_error is not True:
        return OK
    is_unknown = _UNKNOWN_TOOL.search(bytes(result.content)[:EDGE_BYTES]) is not None
    return Outcome(models.TOOL_ERROR, "unknown_tool" if is_unknown else "", units=1)


def _of_error(error: _Error) -> Outcome:
    if _UNKNOWN_TOOL.search(bytes(error.message)[:EDGE_BYTES]):
        return Outcome(models.PROTOCOL_ERROR, "unknown_tool")
    code = error.code if isinstance(error.code, int) else None
    if code is not None and code in _OURS:
        raise BadAnswer("an error with a code that only the gateway uses")
    return Outcome(models.PROTOCOL_ERROR, _RPC_ERRORS.get(code, "rpc_error") if code is not None else "rpc_error")


def _refuse_doubles(body: bytes) -> None:
    """Raises BadAnswer for a response with a key twice: one reader takes the first, another the last."""

    def check(pairs: list[tuple[str, Any]]) -> None:
        names = [name for name, _ in pairs]
        if "jsonrpc" in names and len(names) != len(set(names)):
            raise BadAnswer("a response that holds a key twice")

    try:
        json.loads(body, object_pairs_hook=check)
    except (ValueError, RecursionError):
        return


class Transcript:
    """What an answer said, kept for reading its outcome: all of it up to KEPT_BYTES, else its edges."""

    __slots__ = ("_pieces", "_tail", "size")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._tail = b""
        self.size = 0

    def feed(self, piece: bytes) -> None:
        was_kept = self.size <= KEPT_BYTES
        self.size += len(piece)
        if self.size <= KEPT_BYTES:
            self._pieces.append(piece)
            return
        if was_kept:
            whole = b"".join(self._pieces)
            self._pieces = [whole[:EDGE_BYTES]]
            self._tail = whole[-EDGE_BYTES:]
        self._tail = (self._tail + piece)[-EDGE_BYTES:]

    def outcome(self, asked: MessageId = None) -> Outcome | None:
        """As of_message says it."""
        if self.size > KEPT_BYTES:
            return of_edges(self._pieces[0], self._tail)
        return of_message(self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces), asked)
