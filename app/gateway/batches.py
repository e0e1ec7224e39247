"""Arrays of messages, which MCP had in 2025-03-26 alone: taken apart, and each message a request of its own.

So each is checked, limited, priced and written down as if it had come by itself, one after the other, and one that is
refused does not keep the others from being answered. Why so: docs/adr/0014.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from app.core import logs
from app.gateway import repeats, sse
from app.gateway.batch_element import Element
from app.gateway.caller import Caller
from app.gateway.envelope import VERSION_IN_META, Array
from app.gateway.eras import held
from app.gateway.errors import MessageId, Refused
from app.gateway.incoming import Headers, Incoming
from app.gateway.policy import Destination
from app.gateway.reply import HeaderList, Reply
from app.gateway.sessions import HEADER, Sessions
from app.gateway.upstream.problems import UpstreamProblem
from app.keys.grants import Grant
from app.metering import attempts

VERSION = b"2025-03-26"
MOST = 50
LARGEST_BYTES = 8 * 1024 * 1024
"""Of all answers to one array, which are held until the last is there."""

Answer = Callable[[Incoming, Caller, Reply], Awaitable[None]]

_STREAM: HeaderList = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


def check_revision(headers: Headers, grant: Grant, destination: Destination, sessions: Sessions) -> None:
    """Raises Refused for an array from a caller of another revision; whoever names none is of 2025-03-26."""
    said = {headers.get(b"mcp-protocol-version", VERSION)}
    if HEADER in headers:
        ids = {"key_id": grant.key_id, "integration_id": destination.route.integration_id}
        said.add(_held_version(sessions.opened(headers[HEADER], **ids)))
    if said != {VERSION}:
        raise _bad("only MCP of 2025-03-26 has arrays, and this is another revision. Send each message by itself.")


async def answer(array: Array, incoming: Incoming, caller: Caller, reply: Reply, *, one_by_one: Answer) -> None:
    """Answer all messages in one array, or with 202 when none wants an answer.

    one_by_one: answers a single request. Raises Refused for an array that is not to be taken apart at all.
    """
    _check(array.messages, incoming.fields)
    batch = Batch(array, incoming, reply, one_by_one)
    caller.waits_for(batch)
    try:
        await batch.run()
    finally:
        caller.is_served()
        logs.set_request_id(incoming.request_id)


class Batch:
    """One array on its way."""

    def __init__(self, array: Array, incoming: Incoming, reply: Reply, one_by_one: Answer) -> None:
        self._array = array
        self._incoming = incoming
        self._reply = reply
        self._one_by_one = one_by_one
        self._takes_events = b"text/event-stream" in incoming.fields.get(b"accept", b"")
        self._element: Element | None = None
        self._has_left = False
        self._responses: list[bytes] = []
        self._receipts: list[bytes] = []
        self._refused: Element | None = None
        self._left_bytes = LARGEST_BYTES

    def fail(self, problem: UpstreamProblem) -> None:
        """The caller hung up: that ends the message under way as it would by itself, and the others are not sent."""
        self._has_left = True
        if self._element is not None:
            self._element.caller.leave()

    async def run(self) -> None:
        """One message after the other, in their order."""
        bodies = msgspec.json.decode(self._array.body, type=list[msgspec.Raw])
        for message, body in zip(self._array.messages, bodies, strict=True):
            element = await self._pass(bytes(body), wants_answer=_wants_answer(message))
            if self._has_left:
                return
            if self._is_without_session(element):
                await self._reply.whole(404, element.body)
                return
            self._keep(element, message)
        await self._end(element)

    async def _pass(self, body: bytes, *, wants_answer: bool) -> Element:
        element = self._element = Element(self._incoming, body, most_bytes=self._left_bytes, tell=self._tell)
        if wants_answer and self._left_bytes <= 0:
            element.is_too_large = True
            return element
        await self._one_by_one(element.incoming, element.caller, element.reply)
        await element.flush()
        return element

    def _is_without_session(self, element: Element) -> bool:
        """Whether the session has ended, upon which clients go by the status and begin anew."""
        is_first = not self._responses and not self._reply.is_started
        return is_first and element.status == 404 and HEADER in self._incoming.fields

    def _keep(self, element: Element, message: object) -> None:
        if element.receipt:
            self._receipts.append(element.receipt.partition(b".")[0])
        if _wants_answer(message):
            response = element.response(_id_of(message))
            self._responses.append(response)
            self._left_bytes -= len(response)
        elif element.status >= 400 and self._refused is None:
            self._refused = element

    async def _end(self, last: Element) -> None:
        body = b"[" + b",".join(self._responses) + b"]"
        more = last.rate_headers
        if self._receipts:
            more.append((b"postern-receipt", b", ".join(self._receipts)))
        if self._reply.is_started:
            await self._reply.finish(sse.message(body) if self._responses else b"")
        elif self._responses:
            await self._reply.whole(200, body, more=more)
        elif self._refused is not None:
            await self._reply.whole(self._refused.status, self._refused.body)
        else:
            await self._reply.whole(202, b"")

    async def _tell(self, event: bytes) -> None:
        """What is said besides responses makes the answer a stream, whose last event is the array."""
        if not self._takes_events or self._has_left:
            return
        if not self._reply.is_started:
            await self._reply.start(200, list(_STREAM))
        await self._reply.write(event)


def _check(messages: list[Any], headers: Headers) -> None:
    """Raises Refused for what makes the whole of it unclear."""
    if not messages:
        raise _bad("the array is empty.")
    if len(messages) > MOST:
        raise _bad(f"an array may hold {MOST} messages, and this one has {len(messages):,}.")
    if repeats.HEADER in headers:
        raise _bad("an Idempotency-Key is for one call. Send each message by itself, with a key of its own.")
    if any(isinstance(one, list) for one in messages):
        raise _bad("an array holds messages, and no further arrays.")
    objects = [one for one in messages if isinstance(one, dict)]
    if any(one.get("method") == "initialize" for one in objects):
        raise _bad("“initialize” begins a session and comes by itself, never in an array.")
    if any(_claims_later(one) for one in objects):
        raise _bad("a message in the array is of a revision that has no arrays. Send each by itself.")
    ids = [str(one["id"]) for one in objects if "method" in one and "id" in one]
    if len(ids) != len(set(ids)):
        raise _bad("two messages in the array have the same “id”, so nobody could tell their answers apart.")


def _claims_later(message: dict[str, Any]) -> bool:
    params = message.get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    return isinstance(meta, dict) and VERSION_IN_META in meta


def _wants_answer(message: object) -> bool:
    """Notifications and responses get none, and what is broken gets an error."""
    if not isinstance(message, dict):
        return True
    return "id" in message if "method" in message else not ("result" in message or "error" in message)


def _id_of(message: object) -> MessageId:
    found = message.get("id") if isinstance(message, dict) else None
    return found if type(found) in (str, int) else None


def _held_version(session_id: bytes) -> bytes:
    """What was agreed on at the beginning, where the gateway holds the session itself; else what no header says."""
    try:
        return held.read(session_id).version.encode()
    except Refused:
        return VERSION


def _bad(detail: str) -> Refused:
    return Refused(attempts.MALFORMED, detail)
