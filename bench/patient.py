"""A load for what is slow: nobody hangs up at the end of a cell, and every answer is read.

wrk cuts off the calls that are on their way when its time is over. Of a target that takes a second for each call that
would be many: their answers would be missing, and what they cost would be counted for the others.
"""

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from urllib.parse import urlsplit

import httptools

from bench import machine
from bench.wrk import NOT_2XX, WRONG, Load, Request

LATE_S = 30.0
"""How long an answer may take. Longer than wrk waits: sixty callers of a slow target each wait for all the others."""

READ_BYTES = 65_536


def run(
    request: Request,
    is_right: Callable[[bytes, int], bool],
    *,
    callers: int,
    seconds: float,
    first_id: int,
    core: int | None,
) -> Load:
    """`callers` connections that each ask, and again as soon as they are answered, until `seconds` are over.

    What was asked until then is waited for; `seconds` of the Load says how long all of it took.
    is_right: given the body of an answer and the number of its call.
    """
    with machine.on(core):
        return asyncio.run(_Crowd(request, is_right, first_id).load(callers, seconds))


class _Crowd:
    """All callers, and what they saw."""

    def __init__(self, request: Request, is_right: Callable[[bytes, int], bool], first_id: int) -> None:
        self._request = request
        self._is_right = is_right
        self._numbers = count(first_id)
        self._waits_ms: list[float] = []
        self._bytes = 0
        self._errors = dict.fromkeys(("connect", "read", "write", "timeout", NOT_2XX, WRONG), 0)

    async def load(self, callers: int, seconds: float) -> Load:
        began = time.perf_counter()
        await asyncio.gather(*[self._caller(began + seconds) for _ in range(callers)])
        took_s = time.perf_counter() - began
        waits_ms = sorted(self._waits_ms) or [0.0]
        return Load(
            answers=len(self._waits_ms),
            seconds=took_s,
            bytes=self._bytes,
            p50_ms=_percentile(waits_ms, 0.50),
            p99_ms=_percentile(waits_ms, 0.99),
            errors=self._errors,
        )

    async def _caller(self, until: float) -> None:
        is_over = False
        while not is_over:
            try:
                async with asyncio.timeout(LATE_S):
                    reader, writer = await asyncio.open_connection(*_place(self._request.url))
            except (OSError, TimeoutError):
                self._errors["connect"] += 1
                return
            try:
                is_kept = True
                while is_kept and not is_over:
                    is_kept = await self._call(reader, writer)
                    is_over = time.perf_counter() >= until
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()

    async def _call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One call; whether the connection can be used for another."""
        number, began = next(self._numbers), time.perf_counter()
        answer = _Answer()
        try:
            async with asyncio.timeout(LATE_S):
                writer.write(self._request.wire(number))
                while not answer.is_whole:
                    received = await reader.read(READ_BYTES)
                    if not received:
                        self._errors["read"] += 1
                        return False
                    self._bytes += len(received)
                    answer.feed(received)
        except TimeoutError:
            self._errors["timeout"] += 1
            return False
        except (OSError, httptools.HttpParserError):
            self._errors["read"] += 1
            return False
        self._waits_ms.append((time.perf_counter() - began) * 1000)
        if not 200 <= answer.status <= 299:
            self._errors[NOT_2XX] += 1
        elif not self._is_right(bytes(answer.body), number):
            self._errors[WRONG] += 1
        return answer.is_kept


class _Answer:
    """What has come of one HTTP answer."""

    def __init__(self) -> None:
        self.body = bytearray()
        self.status = 0
        self.is_whole = False
        self.is_kept = False
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, received: bytes) -> None:
        """Raises HttpParserError when it is no HTTP."""
        self._parser.feed_data(received)

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self.is_whole = True
        self.is_kept = self._parser.should_keep_alive()


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 80


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
