"""Putting a receipt into an answer's `_meta` without writing the rest of it anew: order, numbers and blanks stay.

The key's prefix is a label of our own followed by a slash, as MCP has it for what is not its own (basic, “_meta”).
"""

import re
from typing import NamedTuple

import msgspec

from app.gateway import sse

META_KEY = "postern/receipt"

_UP_TO_RESULT = re.compile(
    rb'\s*\{\s*(?:"(?:jsonrpc|id)"\s*:\s*(?:"[^"\\]*"|-?[0-9][0-9.eE+-]*|null)\s*,\s*)*"result"\s*:\s*(?=\{)'
)
_EMPTY = re.compile(rb"\{\s*\}")
_OURS = b'"%b":"' % META_KEY.encode()
_META = re.compile(rb'"_meta"\s*:\s*')


class Edit(NamedTuple):
    """Bytes start up to end become `text`."""

    start: int
    end: int
    text: bytes

    def of(self, data: bytes) -> bytes:
        """`data` with the change made."""
        return data[: self.start] + self.text + data[self.end :]


class _Message(msgspec.Struct):
    result: msgspec.Raw


class _Result(msgspec.Struct):
    meta: msgspec.Raw | msgspec.UnsetType = msgspec.field(default=msgspec.UNSET, name="_meta")


_message = msgspec.json.Decoder(_Message)
_result = msgspec.json.Decoder(_Result)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode


def edit(body: bytes, receipt: str) -> Edit | None:
    """Where and how `body`, a JSON-RPC response with a result, takes in the receipt; None when it cannot safely."""
    found = _UP_TO_RESULT.match(body)
    if found is None or b'"_meta"' in body:
        return _careful(body, receipt)
    return _first_member(body, found.end(), receipt)


def put_in(body: bytes, receipt: str) -> bytes:
    """`body` with the receipt, if it takes it in."""
    found = _UP_TO_RESULT.match(body)
    if found is None or b'"_meta"' in body:
        change = _careful(body, receipt)
        return body if change is None else change.of(body)
    at = found.end() + 1
    comma = b"" if _EMPTY.match(body, at - 1) else b","
    return b'%b"_meta":{%b%b"}%b%b' % (body[:at], _OURS, receipt.encode(), comma, body[at:])


def in_event(event: bytes, receipt: str) -> bytes | None:
    """An event of a stream with the receipt in its data; None when it cannot be put there safely."""
    change = edit(sse.data_of(event), receipt)
    if change is None:
        return None
    at = sse.place_of(event, change.start, change.end)
    return None if at is None else Edit(at, at + change.end - change.start, change.text).of(event)


def result_of(body: bytes) -> bytes | None:
    """The result in a JSON-RPC response as it was sent; None when there is none."""
    try:
        return bytes(_message.decode(body).result)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def with_receipt(result: bytes, receipt: str) -> bytes:
    """A result by itself, with the receipt, if that can be done."""
    head = b'{"result":'
    change = edit(head + result + b"}", receipt)
    return result if change is None else change.of(head + result + b"}")[len(head) : -1]


def _first_member(body: bytes, brace: int, receipt: str) -> Edit:
    comma = b"" if _EMPTY.match(body, brace) else b","
    return Edit(brace + 1, brace + 1, b'"_meta":{%b%b"}%b' % (_OURS, receipt.encode(), comma))


def _careful(body: bytes, receipt: str) -> Edit | None:
    try:
        result = bytes(_message.decode(body).result)
        start = _only(body, re.compile(rb'"result"\s*:\s*'), result)
        meta = _result.decode(result).meta
        if start is None:
            return None
        if meta is msgspec.UNSET:
            return _first_member(body, start, receipt)
        return _merged(result, bytes(meta), start, receipt)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _merged(result: bytes, meta: bytes, start: int, receipt: str) -> Edit | None:
    """The `_meta` that is there, with ours first, and what the integration itself calls a receipt left out."""
    at = _only(result, _META, meta)
    if at is None:
        return None
    others = [_encode(name) + b":" + bytes(value) for name, value in _members.decode(meta).items() if name != META_KEY]
    text = b"{" + b",".join([_OURS + receipt.encode() + b'"', *others]) + b"}"
    return Edit(start + at, start + at + len(meta), text)


def _only(data: bytes, key: re.Pattern[bytes], value: bytes) -> int | None:
    """Where `value` stands after `key`, if there is one such place only."""
    places = [found.end() for found in key.finditer(data) if data.startswith(value, found.end())]
    return places[0] if len(places) == 1 else None
