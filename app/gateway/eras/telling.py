"""What the caller of a translated request is told, in its era's form: notes and questions as events, then the end."""

import asyncio
from collections.abc import Sequence
from typing import Any

from app.gateway import inputs, sse
from app.gateway.call import Call
from app.gateway.eras import messages
from app.gateway.eras.held import HeldSession
from app.gateway.eras.messages import Message
from app.gateway.eras.questions import WAIT_S, Questions
from app.gateway.eras.turns import Answers, Question
from app.gateway.reply import HeaderList, Reply
from app.gateway.states import States, purpose_of
from app.gateway.upstream.problems import BadAnswer, CallerGone, TimedOut

_CACHED = ("tools/list", "prompts/list", "resources/list", "resources/templates/list", "resources/read")
_NOTES = ("notifications/message", "notifications/progress")
_NOT_FOUND_CODE = b"-32601"


class Telling:
    """To one caller. receipt_id: names the call in the head of a stream; "" for what is free."""

    def __init__(self, call: Call, reply: Reply, *, receipt_id: str) -> None:
        self._call = call
        self._reply = reply
        self._receipt_id = receipt_id
        accepted = call.headers.get(b"accept", b"")
        self.takes_events = b"text/event-stream" in accepted or b"*/*" in accepted

    async def note(self, message: Message) -> None:
        """Pass on a notification about the request, to callers who take such."""
        if self.takes_events and message.method in _NOTES:
            await self._event(message.body)

    async def event(self, body: bytes) -> None:
        """Send a message ahead of the response."""
        await self._event(body)

    async def end(self, message: bytes, *, status: int = 200, receipt: str = "") -> None:
        """Send the response and be done. receipt: in full, for the head, if that has not been sent yet."""
        if self._reply.is_started:
            await self._reply.finish(sse.message(message))
        else:
            more: HeaderList = [(b"postern-receipt", receipt.encode())] if receipt else []
            await self._reply.whole(status, message, more=more)

    async def _event(self, body: bytes) -> None:
        if not self._reply.is_started:
            headers: HeaderList = [
                (b"content-type", b"text/event-stream"),
                (b"cache-control", b"no-store"),
                (b"x-accel-buffering", b"no"),
            ]
            if self._receipt_id:
                headers.append((b"postern-receipt", self._receipt_id.encode()))
            await self._reply.start(200, headers)
        await self._reply.write(sse.message(body))


class HandshakeCaller:
    """Asks while the answer is under way, and waits for the caller's own request with the response."""

    def __init__(self, call: Call, telling: Telling, session: HeldSession, *, questions: Questions) -> None:
        self._call = call
        self._telling = telling
        self._session = session
        self._questions = questions

    async def ask(self, asked: Sequence[Question], gone: "asyncio.Future[None]") -> Answers:
        """What the caller says. gone: settled when it hangs up. Raises UpstreamProblem when there will be no answer."""
        for question in asked:
            params = messages.decoded(question.params) if question.params else None
            may_ask = inputs.may_ask(question.method, params, self._session.capabilities)
            if not may_ask or not self._telling.takes_events:
                raise BadAnswer(f"{question.method} for a client that does not take it")
        waiting = {question.key: await self._put(question) for question in asked}
        try:
            await self._wait(list(waiting.values()), gone)
        finally:
            for answered in waiting.values():
                answered.cancel()  # without effect on those that are answered; the others are asked no more
        return {key: _result_of(answered.result()) for key, answered in waiting.items()}

    async def _wait(self, waiting: "list[asyncio.Future[Message]]", gone: "asyncio.Future[None]") -> None:
        """Until all are answered. Raises UpstreamProblem when the caller hangs up, or takes too long."""
        ends_at = asyncio.get_running_loop().time() + WAIT_S
        for answered in waiting:
            left_s = ends_at - asyncio.get_running_loop().time()
            either: list[asyncio.Future[Any]] = [gone, answered]
            await asyncio.wait(either, timeout=max(left_s, 0), return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                raise CallerGone
            if not answered.done():
                raise TimedOut("the caller was asked and did not answer")

    def final(self, message: Message) -> tuple[bytes, bytes, int]:
        """(member, value, status) of the response: it is as it was."""
        return (b"result", message.result, 200) if message.result else (b"error", message.error, 200)

    async def _put(self, question: Question) -> "asyncio.Future[Message]":
        question_id, answered = self._questions.ask(self._call.grant.key_id, self._session.id)
        params = b',"params":' + question.params if question.params else b""
        head = b'{"jsonrpc":"2.0","id":%s,"method":%s' % (
            messages.encode(question_id),
            messages.encode(question.method),
        )
        await self._telling.event(head + params + b"}")
        return answered


class StatelessCaller:
    """Is told what is wanted and comes back with it; meanwhile the work is parked."""

    def __init__(self, call: Call, *, states: States, params: dict[str, object]) -> None:
        self._states = states
        self._purpose = purpose_of(
            key_id=call.grant.key_id,
            integration_id=call.destination.route.integration_id,
            method=call.envelope.method,
            params=params,
        )
        self._method = call.envelope.method

    def wanted(self, asked: Sequence[Question], name: str) -> bytes:
        """The result that says what is wanted. name: by which the work will be found again."""
        requests = b",".join(messages.encode(question.key) + b":" + _request(question) for question in asked)
        state = messages.encode(self._states.bound(name, purpose=self._purpose))
        return b'{"resultType":"input_required","inputRequests":{%s},"requestState":%s}' % (requests, state)

    def final(self, message: Message) -> tuple[bytes, bytes, int]:
        """(member, value, status) of the response, with what this era wants in every result."""
        if not message.result:
            return b"error", message.error, 404 if _NOT_FOUND_CODE in message.error else 200
        result = message.result
        if b'"resultType"' in result:
            return b"result", result, 200
        own = b'"resultType":"complete"'
        if self._method in _CACHED:
            own += b',"ttlMs":0,"cacheScope":"private"'
        rest = result[1:].lstrip()
        return b"result", b"{" + own + (b"" if rest.startswith(b"}") else b",") + rest, 200


def _request(question: Question) -> bytes:
    params = b',"params":' + question.params if question.params else b""
    return b'{"method":%s%s}' % (messages.encode(question.method), params)


def _result_of(response: Message) -> messages.Json:
    if not response.result:
        raise BadAnswer("the caller answers with an error")
    return messages.Json(response.result)
