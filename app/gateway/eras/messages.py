"""An integration's answer as the messages in it, whether it came as JSON or as a stream of events."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import msgspec

from app.gateway import sse
from app.gateway.screening import Kind, kind_of
from app.gateway.upstream.exchange import Exchange
from app.gateway.upstream.problems import BadAnswer, BrokeOff

MAX_BYTES = 8 * 1024 * 1024
"""Of one message: what passes from one era to the other is read whole."""

Json = msgspec.Raw


@dataclass(frozen=True, slots=True)
class Message:
    """A JSON-RPC message: `method` with an id is a request, without one a notification; else a response.

    params, result, error: JSON, b"" when it is not there. body: the message as it came.
    """

    id: str | int | None
    method: str | None
    params: bytes
    result: bytes
    error: bytes
    body: bytes


class _Parts(msgspec.Struct):
    id: str | int | None = None
    method: str | None = None
    params: Json = msgspec.Raw(b"")
    result: Json = msgspec.Raw(b"")
    error: Json = msgspec.Raw(b"")


_decoder = msgspec.json.Decoder(_Parts)
_objects = msgspec.json.Decoder(dict[str, msgspec.Raw])
encode = msgspec.json.Encoder().encode


async def of(exchange: Exchange) -> AsyncIterator[Message]:
    """Each message as it comes. Raises UpstreamProblem for what is none, and when the answer breaks off."""
    if kind_of(exchange, wants_answer=True) is Kind.JSON:
        yield read(await _whole(exchange))
        return
    splitter = sse.Splitter()
    while data := await exchange.read():
        for event in sse.split(splitter.feed(data)):
            said = sse.data_of(event)
            if said:
                yield read(said)
        if splitter.waiting_bytes > MAX_BYTES:
            raise BadAnswer(f"an event of more than {MAX_BYTES:,} bytes")
    raise BrokeOff("the stream ended without a response")


async def whole(exchange: Exchange) -> Message:
    """The response in an answer, whatever else it says. Raises UpstreamProblem."""
    async for message in of(exchange):
        if message.method is None:
            return message
    raise BrokeOff("no response")


def members(value: Json | bytes) -> dict[str, msgspec.Raw]:
    """The members of an object, undecoded. Raises BadAnswer."""
    try:
        return _objects.decode(value)
    except (msgspec.MsgspecError, ValueError):
        raise BadAnswer("no object where one was due") from None


def decoded(value: Json | bytes) -> Any:  # noqa: ANN401  (it is any JSON)
    """Raises BadAnswer."""
    try:
        return msgspec.json.decode(value)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise BadAnswer("not JSON") from None


def read(body: bytes) -> Message:
    """One message. Raises BadAnswer."""
    try:
        said = _decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise BadAnswer("JSON, but no JSON-RPC message") from None
    if said.method is None and not said.result and not said.error:
        raise BadAnswer("a message without method, result and error")
    return Message(said.id, said.method, bytes(said.params), bytes(said.result), bytes(said.error), body)


async def _whole(exchange: Exchange) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while piece := await exchange.read():
        pieces.append(piece)
        size += len(piece)
        if size > MAX_BYTES:
            raise BadAnswer(f"a message of more than {MAX_BYTES:,} bytes")
    return b"".join(pieces)


def params_of(body: bytes) -> dict[str, Any]:
    """The params of a caller's request; empty when it has none."""
    try:
        params = msgspec.json.decode(body).get("params")
    except (msgspec.MsgspecError, AttributeError):
        return {}
    return params if isinstance(params, dict) else {}
