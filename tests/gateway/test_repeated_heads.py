"""Heads that repeat are read once, and nobody could tell."""

import asyncio
import gc
import json

import pytest

from tests.gateway.gateways import CALL
from tests.gateway.processes import read_answer
from tests.gateway.upstreams import answer
from tests.gateway.wire import BODY, connected, request

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


async def echo(asked, reader, writer):
    """Says which call it was, with a head that is always the same."""
    writer.write(answer(json.dumps({"jsonrpc": "2.0", "id": asked.message["id"], "result": {}}).encode()))


def calls(secret, *, first=100, count=5):
    """Requests with the same head, each with a body of its own."""
    return [request(secret, json.dumps({**CALL, "id": first + n}).encode()) for n in range(count)]


async def test_each_request_gets_its_own_answer(open_server):
    async with open_server(echo) as (caller, upstream, port), connected(port) as (reader, writer):
        receipts, references = set(), set()
        for number, one in enumerate(calls(caller.secret)):
            writer.write(one)
            got = await read_answer(reader)
            assert got.json["id"] == 100 + number
            receipts.add(got.headers["postern-receipt"])
            references.add(got.headers["postern-request-id"])

        assert len(receipts) == len(references) == len(caller.events) == 5
        assert [asked.message["id"] for asked in upstream.requests] == [100, 101, 102, 103, 104]


@pytest.mark.parametrize("split", [1, 60, 200, 1_000])
async def test_a_known_head_may_come_in_pieces_or_with_the_next(open_server, split):
    async with open_server(echo) as (caller, _, port), connected(port) as (reader, writer):
        first, *others = calls(caller.secret)
        writer.write(first)
        assert (await read_answer(reader)).json["id"] == 100
        sent = b"".join(others)
        for at in range(0, len(sent), split):
            writer.write(sent[at : at + split])
            await writer.drain()

        assert [(await read_answer(reader)).json["id"] for _ in others] == [101, 102, 103, 104]


async def test_a_known_head_may_come_with_a_body_of_another_length(open_server):
    async with open_server(echo) as (caller, _, port), connected(port) as (reader, writer):
        for number in (7, 8, 123_456_789, 9):
            writer.write(request(caller.secret, json.dumps({**CALL, "id": number}).encode()))
            got = await read_answer(reader)
            assert (got.status, got.json["id"]) == (200, number)

        assert {event.bytes_in for event in caller.events} == {len(json.dumps({**CALL, "id": n})) for n in (7, 10**8)}


async def test_an_answer_may_come_in_pieces(open_server):
    async def in_pieces(asked, reader, writer):
        said = answer(json.dumps({"jsonrpc": "2.0", "id": asked.message["id"], "result": {}}).encode())
        for at in range(0, len(said), 25):
            writer.write(said[at : at + 25])
            await writer.drain()
            await asyncio.sleep(0)

    async with open_server(in_pieces) as (caller, _, port), connected(port) as (reader, writer):
        for number, one in enumerate(calls(caller.secret)):
            writer.write(one)
            got = await read_answer(reader)
            assert (got.json["id"], got.headers["postern-receipt"] != "") == (100 + number, True)

        assert [event.status for event in caller.events] == ["ok"] * 5


async def test_another_key_in_the_same_place_is_another_caller(open_server):
    async with open_server(echo) as (caller, _, port), connected(port) as (reader, writer):
        for secret, status in [(caller.secret, 200), (caller.secret[:-1] + "!", 401), (caller.secret, 200)]:
            writer.write(request(secret))
            assert (await read_answer(reader)).status == status


async def test_a_session_that_is_renamed_for_one_call_is_not_for_the_next(open_server):
    async with open_server(echo) as (caller, upstream, port), connected(port) as (reader, writer):
        for _ in range(3):
            writer.write(request(caller.secret, more="X-Whatever: a\r\nX-Whatever: b\r\nMcp-Session-Id: stranger\r\n"))
            assert (await read_answer(reader)).status == 404

        assert upstream.requests == []


async def test_a_request_without_a_body_repeats_as_well(open_server):
    async with open_server() as (_, _, port), connected(port) as (reader, writer):
        for _ in range(3):
            writer.write(HEALTH)
            assert (await read_answer(reader)).json == {"status": "ok"}


async def test_a_body_of_the_same_length_is_read_anew(open_server):
    async with open_server(echo) as (caller, _, port), connected(port) as (reader, writer):
        writer.write(request(caller.secret))
        assert (await read_answer(reader)).status == 200
        writer.write(request(caller.secret, b"x" * len(BODY)))

        assert (await read_answer(reader)).json["error"]["code"] == -32700


async def test_garbage_of_the_same_length_is_garbage(open_server):
    async with open_server(echo) as (caller, _, port), connected(port) as (reader, writer):
        one = request(caller.secret)
        writer.write(one)
        assert (await read_answer(reader)).status == 200
        writer.write(one.replace(b"HTTP/1.1", b"HTTP/1.x"))

        assert (await read_answer(reader)).status == 400
        assert await reader.read() == b""


async def test_calls_leave_nothing_to_the_collector(open_server):
    async with open_server(echo) as (caller, _, port), connected(port) as (reader, writer):
        gc.collect()
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            for one in calls(caller.secret, count=20):
                writer.write(one)
                assert (await read_answer(reader)).status == 200
            gc.collect()
            left = {type(one).__name__ for one in gc.garbage if type(one).__module__.startswith("app.gateway")}
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()

        assert left == set()
