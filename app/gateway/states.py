"""`requestState` of the stateless era, bound to whom and what it was given for.

An integration that needs more input hands its state to the caller, who brings it back with the answers (SEP-2322). On
its way out the state gets a seal over the caller's key, the method, the thing named and its arguments; a state that
comes back from somebody else, for something else, changed or late is refused before the integration sees it.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import replace
from time import time
from typing import Any
from uuid import UUID

import msgspec

from app.gateway import inputs
from app.gateway.call import Call
from app.gateway.envelope import NAMED_BY
from app.gateway.errors import INVALID_PARAMS, Refused
from app.gateway.upstream.problems import BadAnswer
from app.metering import attempts

ASKING = frozenset(("tools/call", "prompts/get", "resources/read"))
"""The methods whose result may be that input is required."""
MARK = "postern1."
GOOD_FOR_S = 24 * 3600
_SEAL_BYTES = 16
_TIME_BYTES = 8


class States:
    """One per gateway; those of one installation share the secret. now: seconds since the epoch."""

    def __init__(self, secret_key: str, *, now: Callable[[], float] = time) -> None:
        self._secret = hashlib.sha256(b"postern request states\0" + secret_key.encode()).digest()
        self._now = now

    def binding(self, call: Call) -> "Binding":
        """For the answer to a request of 2026-07-28 that may ask for input."""
        return Binding(self, call)

    def enter(self, call: Call) -> Call:
        """The call with the integration's own state in it, if it brings one. Raises Refused."""
        body = call.envelope.body
        if call.envelope.method not in ASKING or not (b'"requestState"' in body or b"\\u" in body):
            return call  # a key may be spelled with escapes
        message = msgspec.json.decode(body)
        params = message.get("params")
        given = params.get("requestState") if isinstance(params, dict) else None
        if given is None:
            return call
        message["params"]["requestState"] = self.opened(str(given), purpose=_purpose(call, message["params"]))
        return replace(call, envelope=replace(call.envelope, body=msgspec.json.encode(message)))

    def bound(self, state: str, *, purpose: bytes) -> str:
        """`state` as the caller gets it. purpose: see `purpose_of`."""
        at = int(self._now()).to_bytes(_TIME_BYTES)
        plain = at + self._seal(at + state.encode(), purpose) + state.encode()
        return _marked(plain)

    def opened(self, given: str, *, purpose: bytes) -> str:
        """The integration's own state. Raises Refused (-32602) for what was not given to this caller for this."""
        try:
            if not given.startswith(MARK):
                raise ValueError
            plain = base64.b64decode(given[len(MARK) :], altchars=b"-_", validate=True)
            at, seal, state = plain[:_TIME_BYTES], plain[_TIME_BYTES:][:_SEAL_BYTES], plain[_TIME_BYTES + _SEAL_BYTES :]
            is_ours = hmac.compare_digest(seal, self._seal(at + state, purpose)) and _marked(plain) == given
        except (binascii.Error, ValueError):
            is_ours = False
        if not is_ours:
            raise _refused("it was not given to this key for this request.")
        if self._now() - int.from_bytes(at) > GOOD_FOR_S:
            raise _refused("it is older than a day.")
        return state.decode()

    def _seal(self, said: bytes, purpose: bytes) -> bytes:
        return hmac.digest(self._secret, hashlib.sha256(purpose).digest() + said, "sha256")[:_SEAL_BYTES]


class Binding:
    """What an integration of 2026-07-28 may say besides the result to whoever calls a tool, or gets something else that
    may need input.
    """

    def __init__(self, states: States, call: Call) -> None:
        self._states = states
        self._call = call

    def bound(self, body: bytes) -> bytes:
        """A response that asks for input, its state bound. Raises BadAnswer when it asks for what it must not."""
        params = msgspec.json.decode(self._call.envelope.body).get("params")
        params = params if isinstance(params, dict) else {}
        try:
            message = msgspec.json.decode(body)
            result = message["result"]
            inputs.check(result.get("inputRequests") or {}, inputs.declared(params))
            if result.get("requestState") is not None:
                purpose = _purpose(self._call, params)
                result["requestState"] = self._states.bound(str(result["requestState"]), purpose=purpose)
        except (msgspec.MsgspecError, KeyError, TypeError, AttributeError):
            raise BadAnswer("it wants input in a form that MCP does not have") from None
        return msgspec.json.encode(message)

    def refuse_request(self, said: bytes) -> None:
        """Raises BadAnswer for a request to the client, which this era does not have."""
        if b'"method"' in said and b'"id"' in said:
            try:
                message = msgspec.json.decode(said)
            except (msgspec.MsgspecError, ValueError, RecursionError):
                return
            if isinstance(message, dict) and "method" in message and "id" in message:
                raise BadAnswer("a request to the client, which 2026-07-28 does not have")


def _purpose(call: Call, params: dict[str, Any]) -> bytes:
    return purpose_of(
        key_id=call.grant.key_id,
        integration_id=call.destination.route.integration_id,
        method=call.envelope.method,
        params=params,
    )


def purpose_of(*, key_id: UUID, integration_id: UUID, method: str, params: dict[str, Any]) -> bytes:
    """What a state is good for: this key, integration, method, thing and arguments, however they are spelled."""
    named = params.get(NAMED_BY.get(method, "name"))
    asked = msgspec.json.encode([method, named, params.get("arguments")], order="sorted")
    return key_id.bytes + integration_id.bytes + asked


def _marked(plain: bytes) -> str:
    return MARK + base64.urlsafe_b64encode(plain).decode()


def _refused(why: str) -> Refused:
    return Refused(
        attempts.MALFORMED, f"“requestState” cannot be taken: {why} Begin the request anew.", code=INVALID_PARAMS
    )
