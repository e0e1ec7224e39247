"""JSON that every reader understands the same way, or not at all.

The decoder already refuses invalid UTF-8, lone surrogates, NaN and trailing text. It does not mind keys that stand
twice in an object, of which one reader takes the first and another the last, and its own limit of depth is far away.
Both are checked here in time linear in the size of the body, and nearly for nothing when it is ordinary.
"""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from app.gateway.errors import PARSE_ERROR, Refused
from app.metering import attempts

MAX_CONTAINERS = 100_000

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def decode(body: bytes, *, max_depth: int) -> Any:  # noqa: ANN401  (it is any JSON)
    """What `body` says. Raises Refused when it is not JSON, too deep, of too many parts, or holds a key twice."""
    if len(body) > MAX_CONTAINERS:
        _refuse_crowds(body)
    try:
        value = _decode(body)
    except RecursionError:
        raise _too_deep(max_depth) from None
    except (ValueError, msgspec.MsgspecError) as problem:
        raise Refused(attempts.MALFORMED, f"the body is not JSON ({_said(problem)}).", code=PARSE_ERROR) from None
    # Text that comes out as it went in holds no key twice, and few brackets are not deep; else look closer.
    if body.count(b"[") + body.count(b"{") > max_depth or _encode(value) != body:
        _walk(body, value, max_depth)
    return value


def _refuse_crowds(body: bytes) -> None:
    """Before anything is built: a few megabytes of brackets would keep every other caller waiting."""
    if _brackets(body) > MAX_CONTAINERS and _brackets(_STRINGS.sub(b"", body)) > MAX_CONTAINERS:
        raise Refused(attempts.MALFORMED, f"the body holds more than {MAX_CONTAINERS:,} objects and lists.")


def _brackets(text: bytes) -> int:
    return text.count(b"[") + text.count(b"{")


def _walk(body: bytes, value: Any, max_depth: int) -> None:  # noqa: ANN401
    """Go through the containers level by level, counting keys: text with more colons than keys held one twice."""
    keys = depth = 0
    level = [value] if isinstance(value, dict | list) else []
    while level:
        depth += 1
        if depth > max_depth:
            raise _too_deep(max_depth)
        below: list[Any] = []
        for container in level:
            inner: Iterable[Any] = container
            if type(container) is dict:
                keys += len(container)
                inner = container.values()
            below += [one for one in inner if type(one) is dict or type(one) is list]
        level = below
    # Colons inside strings count here too, so equal numbers prove that there are no doubles; else look closer.
    if body.count(b":") != keys and _STRINGS.sub(b"", body).count(b":") != keys:
        raise Refused(attempts.MALFORMED, "a key stands twice in the same object. Send each once.")


def _too_deep(max_depth: int) -> Refused:
    return Refused(attempts.MALFORMED, f"the body is nested more than {max_depth} levels deep.")


def _said(problem: Exception) -> str:
    if isinstance(problem, UnicodeDecodeError):
        return "invalid UTF-8"
    return str(problem).removeprefix("JSON is malformed: ")
