"""One message of an array on its way through the gateway: a request of its own, whose answer is collected here."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from app.gateway import errors, splice, sse
from app.gateway.caller import Caller
from app.gateway.eras import messages
from app.gateway.eras.messages import Message
from app.gateway.errors import MessageId
from app.gateway.incoming import Incoming
from app.gateway.reply import HeaderList, Reply
from app.gateway.upstream.problems import BadAnswer

Pass = Callable[[bytes], Awaitable[None]]

_OF_THE_ARRAY = (b"content-length", b"expect", b"transfer-encoding")
_BROKE_OFF = -31502
_TOO_LARGE = -31413


class Element:
    """What its request came from and where its answer goes (Source, Outlet).

    status: of the answer over HTTP, 0 if there is none. body: an answer that is no stream. size: bytes of it.
    """

    def __init__(self, whole: Incoming, body: bytes, *, most_bytes: int, tell: Pass) -> None:
        """whole: the request that the array came in. most_bytes: of the answer. tell: passes on an event at once."""
        lines = [pair for pair in whole.lines if pair[0] not in _OF_THE_ARRAY]
        self.incoming = Incoming(whole.method, whole.path, whole.query, lines, whole.peer)
        self.caller = Caller(asyncio.get_running_loop(), self)
        self.reply = Reply(self, self.incoming.request_id)
        self.status = 0
        self.size = 0
        self.is_too_large = False
        self._headers: dict[bytes, bytes] = {}
        self._body = bytearray()
        self._events: sse.Splitter | None = None
        self._found: list[Message] = []
        self._notes: list[bytes] = []
        self._most_bytes = most_bytes
        self._tell = tell
        self.caller.feed(body)
        self.caller.end()

    @property
    def body(self) -> bytes:
        return bytes(self._body)

    @property
    def receipt(self) -> bytes:
        """As the header would have said it, b"" for none."""
        return self._headers.get(b"postern-receipt", b"")

    @property
    def rate_headers(self) -> HeaderList:
        """What is left of the caller's limits after it."""
        return [pair for pair in self._headers.items() if pair[0].startswith(b"ratelimit")]

    async def flush(self) -> None:
        """Pass on what was said besides the response."""
        notes, self._notes = self._notes, []
        for note in notes:
            await self._tell(note)

    def response(self, asked: MessageId) -> bytes:
        """Its response with the id that was asked under, whatever id it came with; an error where there is none."""
        mine = next((one for one in self._found if _answers(one, asked)), None)
        if mine is None:
            return self._missing(asked)
        if not mine.result:
            return _framed(asked, b"error", mine.error)
        receipt = self.receipt
        result = mine.result
        if receipt and receipt.partition(b".")[0] not in result:
            result = splice.with_receipt(result, receipt.decode())
        return _framed(asked, b"result", result)

    # Source, for its caller: the body is all there

    def hold(self) -> None: ...

    def go_on(self) -> None: ...

    # Outlet, for its reply

    def start(self, status: int, headers: HeaderList, *, is_followed: bool = False) -> None:
        self.status = status
        self._headers = dict(headers)
        if self._headers.get(b"content-type", b"").startswith(b"text/event-stream"):
            self._events = sse.Splitter()

    def send(self, data: bytes) -> None:
        self._take(data)
        if self.size > self._most_bytes:
            self.is_too_large = True
            self.caller.leave()  # as if its caller hung up: what is not answered by now costs nothing

    def finish(self, data: bytes) -> None:
        self._take(data)
        if self._events is None:
            self._sort(self.body)

    def whole(self, status: int, headers: HeaderList, body: bytes) -> None:
        self.start(status, headers)
        self.finish(body)

    def room(self) -> asyncio.Future[None] | None:
        return asyncio.ensure_future(self.flush()) if self._notes else None

    def _take(self, data: bytes) -> None:
        if self._events is None:
            self._body += data
            self.size = len(self._body)
            return
        for event in sse.split(self._events.feed(data)):
            self._sort(sse.data_of(event), event)
        self.size = self._events.waiting_bytes + sum(len(one.body) for one in self._found)

    def _sort(self, said: bytes, event: bytes = b"") -> None:
        """Responses are kept; what else an event says is to be told as it came."""
        found = [_read(one) for one in _apart(said)]
        self._found += [one for one in found if one is not None and one.method is None]
        if any(one is not None and one.method is not None for one in found):
            self._notes.append(event)

    def _missing(self, asked: MessageId) -> bytes:
        if self.is_too_large:
            words = "The answers to an array have grown too large for one body. Send this message by itself."
            code, reason = _TOO_LARGE, "too_large"
        else:
            words = "The answer to this message broke off. Send it by itself."
            code, reason = _BROKE_OFF, "broke_off"
        return errors.body(asked, code, words, reason=reason, request_id=self.incoming.request_id)


def _apart(said: bytes) -> list[bytes]:
    """Servers of this revision may put several messages into one."""
    if said.lstrip()[:1] != b"[":
        return [said] if said else []
    try:
        return [bytes(one) for one in msgspec.json.decode(said, type=list[msgspec.Raw])]
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return []


def _read(said: bytes) -> Message | None:
    try:
        return messages.read(said)
    except BadAnswer:
        return None


def _answers(message: Message, asked: MessageId) -> bool:
    """An integration speaks for what it was asked, and not for others in the array. Some write "7" for 7."""
    return message.id is None or message.id == asked or str(message.id) == str(asked)


def _framed(asked: MessageId, member: bytes, value: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","id":%s,"%s":%s}' % (messages.encode(asked), member, value)
