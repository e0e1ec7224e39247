"""The load for what is slow: nothing that was asked is forgotten, and every answer is held against its call."""

import asyncio
import json
import threading
from contextlib import contextmanager

from bench import calls, patient, plain_upstream, wrk
from tests import ports

FIRST = 7_000_000_000_000
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@contextmanager
def served(protocol):
    """`protocol` on a loop of its own; its address."""
    port, loop, ready = ports.free_port(), asyncio.new_event_loop(), threading.Event()

    async def serve():
        server = await loop.create_server(protocol, "127.0.0.1", port)
        ready.set()
        async with server:
            await stopped.wait()

    stopped = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait()
    try:
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join()
        loop.close()


class Scripted(asyncio.Protocol):
    """Answers each request in full with what `answer` makes of its message."""

    def __init__(self, answer):
        self._answer = answer

    def connection_made(self, transport):
        self._transport = transport

    def data_received(self, data):
        self._transport.write(self._answer(json.loads(data.partition(b"\r\n\r\n")[2])))


def load(url, *, callers=2, seconds=0):
    request = calls.request(url, "key", calls.HANDSHAKE)
    return patient.run(request, calls.is_right, callers=callers, seconds=seconds, first_id=FIRST, core=None)


def test_right_answers_are_counted():
    with served(plain_upstream.Connection) as url:
        seen = load(url, callers=3)

    assert seen.answers == 3
    assert seen.failures == {}
    assert 0 < seen.p50_ms <= seen.p99_ms


def test_every_caller_is_waited_for():
    """The time is over before anybody is answered: all have asked once, and get their answer."""
    waiting = []

    class Late(asyncio.Protocol):
        def connection_made(self, transport):
            self._transport = transport

        def data_received(self, data):
            waiting.append((self._transport, data.partition(b"\r\n\r\n")[2]))
            if len(waiting) == 8:
                for transport, body in waiting:
                    transport.write(plain_upstream.answer_to(body))

    with served(Late) as url:
        seen = load(url, callers=8, seconds=0)

    assert seen.answers == 8
    assert seen.failures == {}


def test_wrong_answers_are_told_from_right_ones():
    def wrong(_message):
        return HEAD + b"Content-Length: 2\r\n\r\n{}"

    with served(lambda: Scripted(wrong)) as url:
        seen = load(url)

    assert seen.failures == {wrk.WRONG: seen.answers}


def test_refusals_are_counted():
    def refused(_message):
        return b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"

    with served(lambda: Scripted(refused)) as url:
        seen = load(url)

    assert seen.failures == {wrk.NOT_2XX: seen.answers}


def test_answers_in_pieces_are_whole():
    def chunked(message):
        body = plain_upstream.answer_to(json.dumps(message).encode()).partition(b"\r\n\r\n")[2]
        half = len(body) // 2
        pieces = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (body[:half], body[half:]))
        return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + pieces + b"0\r\n\r\n"

    with served(lambda: Scripted(chunked)) as url:
        seen = load(url)

    assert seen.answers == 2
    assert seen.failures == {}
