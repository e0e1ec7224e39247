"""A call of a tool is one event in the ledger, durable before the end of its answer leaves."""

import asyncio
import json
import sqlite3
from math import inf

import psycopg
import pytest

from app.metering import recorder
from app.metering.ledger_connection import LedgerConnection
from app.metering.recorder import NotRecorded
from tests.asynchronous import until
from tests.gateway.gateways import LIST, RESULT
from tests.gateway.upstreams import Upstream, answer, chunk, raw

RESULT_BODY = json.dumps(RESULT).encode()


def result(**parts):
    return answer(json.dumps({"jsonrpc": "2.0", "id": 7, "result": parts}).encode())


def rpc_error(code, message, status="200 OK"):
    body = {"jsonrpc": "2.0", "id": 7, "error": {"code": code, "message": message}}
    return answer(json.dumps(body).encode(), status=status)


async def test_an_answered_call_is_one_event_with_everything_said_about_it(open_gateway):
    async with Upstream(raw(answer(RESULT_BODY))) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call(headers=caller.usual(("MCP-Protocol-Version", "2025-11-25")))

        assert (got.status, got.passed, got.is_complete) == (200, RESULT_BODY, True)
        [event] = caller.events
        assert event.id == got.receipt
        assert event.request_id == got.header("postern-request-id") == upstream.requests[0].header("x-request-id")
        assert (event.tool, event.status, event.error_class, event.units) == ("greet", "ok", "", 1)
        assert (event.http_status, event.protocol_version) == (200, "2025-11-25")
        assert (event.bytes_in, event.bytes_out) == (len(upstream.requests[0].body), len(RESULT_BODY))
        assert 0 < event.upstream_us <= event.duration_us < 5_000_000
        [hour] = caller.hours
        assert (hour.calls, hour.errors, hour.units, hour.tool) == (1, 0, 1, "greet")
        assert hour.duration_us == event.duration_us


@pytest.mark.parametrize(
    ("reply", "status", "error_class", "units"),
    [
        (result(content=[], isError=True), "tool_error", "", 1),
        (
            result(content=[{"type": "text", "text": "Unknown tool: greet"}], isError=True),
            "tool_error",
            "unknown_tool",
            1,
        ),
        (rpc_error(-32602, "Tool greet not found"), "protocol_error", "unknown_tool", 0),
        (rpc_error(-32603, "it broke"), "protocol_error", "internal_error", 0),
        (rpc_error(-32600, "Session not found", "404 Not Found"), "protocol_error", "invalid_request", 0),
        (result(resultType="task", task={"taskId": "1"}), "ok", "", 1),
        (result(content="x" * 200_000), "ok", "", 1),
        (result(content="x" * 2_000_000), "ok", "", 1),
        (result(content="x" * 2_000_000, isError=True), "tool_error", "", 1),
    ],
    ids=[
        "tool error",
        "unknown tool as result",
        "unknown tool as error",
        "internal",
        "session ended",
        "task",
        "long",
        "very long",
        "very long error",
    ],
)
async def test_what_the_answer_was_is_recorded(open_sqlite_gateway, reply, status, error_class, units):
    async with Upstream(raw(reply)) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call()

        [event] = caller.events
        assert (event.status, event.error_class, event.units) == (status, error_class, units)
        assert got.is_complete
        assert reply.endswith(got.passed)
        assert event.http_status == got.status
        assert event.bytes_out == len(got.passed)


async def test_the_end_of_an_answer_waits_for_the_ledger(open_sqlite_gateway, monkeypatch):
    written = asyncio.Event()
    async with Upstream(raw(answer(RESULT_BODY))) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        record = caller.gateway.parts.recorder.record

        async def slowly(*said, **more):
            await written.wait()
            return await record(*said, **more)

        monkeypatch.setattr(caller.gateway.parts.recorder, "record", slowly)
        request = caller.start()
        await until(lambda: upstream.requests)
        await asyncio.sleep(0.05)  # nothing may have happened, however long one waits
        assert request.answer.pieces == []

        written.set()
        assert (await request.finished()).passed == RESULT_BODY


async def test_a_long_answer_passes_while_it_comes_and_only_its_last_piece_waits(open_sqlite_gateway, monkeypatch):
    written = asyncio.Event()
    body = json.dumps({"jsonrpc": "2.0", "id": 7, "result": {"content": "x" * 300_000}}).encode()
    async with Upstream(raw(answer(body))) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        record = caller.gateway.parts.recorder.record

        async def slowly(*said, **more):
            await written.wait()
            return await record(*said, **more)

        monkeypatch.setattr(caller.gateway.parts.recorder, "record", slowly)
        request = caller.start()
        await until(lambda: request.answer.pieces)
        written.set()
        got = await request.finished()

        assert got.passed == body
        assert len(got.pieces) > 1


async def test_more_input_asked_for_is_no_event(open_sqlite_gateway):
    reply = result(resultType="input_required", inputRequests={"name": {"method": "elicitation/create"}})
    async with Upstream(raw(reply)) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call()

        assert got.json["result"]["resultType"] == "input_required"
        assert caller.events == []


async def test_what_is_free_leaves_no_event(open_sqlite_gateway):
    free = [
        LIST,
        {"jsonrpc": "2.0", "id": "a", "method": "initialize", "params": {}},
        {"jsonrpc": "2.0", "id": 2, "method": "server/discover"},
        {"jsonrpc": "2.0", "id": 3, "method": "ping"},
        {"jsonrpc": "2.0", "id": 4, "method": "tasks/get", "params": {"taskId": "1"}},
    ]
    async with Upstream(raw(answer(RESULT_BODY))) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        answers = [await caller.call(message) for message in free]

        assert all(got.status == 200 and got.receipt is None for got in answers)
        assert all(got.header("postern-request-id") for got in answers)
        assert caller.events == []
        assert len(upstream.requests) == len(free)


async def test_an_answer_that_cannot_be_written_down_is_withheld_and_costs_nothing(open_gateway, monkeypatch):
    monkeypatch.setattr(recorder, "TROUBLED_AFTER_S", inf)  # calls are made however long the ledger has been failing
    async with (
        Upstream(raw(answer(RESULT_BODY))) as upstream,
        open_gateway(upstream_url=upstream.url, spool_max_bytes=0) as caller,
    ):
        with monkeypatch.context() as while_it_fails:
            while_it_fails.setattr(LedgerConnection, "write", locked)
            while_it_fails.setattr(caller.gateway.parts.recorder, "_timeout_s", 0.2)
            got = await caller.call()

        assert got.status == 200
        assert got.error["code"] == -31503
        assert "not charged" in got.error["message"]
        assert b"Hello, Ada" not in got.passed
        assert (await caller.call()).passed == RESULT_BODY
        assert len(caller.events) == 1


def locked(connection, rows):
    raise (sqlite3 if connection._engine.dialect.name == "sqlite" else psycopg).OperationalError("locked")


async def test_while_the_ledger_fails_calls_are_not_even_made(open_sqlite_gateway, monkeypatch):
    async with Upstream(raw(answer(RESULT_BODY))) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        monkeypatch.setattr(type(caller.gateway.parts.recorder), "is_troubled", True)

        refused, free = await caller.call(), await caller.call(LIST)

        assert refused.error["code"] == -31503
        assert free.status == 200
        assert [request.message["method"] for request in upstream.requests] == ["prompts/list"]


async def test_a_version_that_no_column_can_hold_is_recorded_all_the_same(open_gateway):
    async with Upstream(raw(answer(RESULT_BODY))) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call(headers=caller.usual(("MCP-Protocol-Version", "y" * 50)))

        assert got.status == 200
        [event] = caller.events
        assert event.protocol_version == "y" * 20


async def test_many_calls_at_once_are_each_recorded_once(open_gateway):
    async with Upstream(raw(answer(RESULT_BODY))) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        answers = await asyncio.gather(*[caller.call() for _ in range(200)])

        receipts = [got.receipt for got in answers]
        assert len(set(receipts)) == 200
        assert {event.id for event in caller.events} == set(receipts)
        assert [(hour.calls, hour.units) for hour in caller.hours] == [(200, 200)]


async def test_a_full_queue_withholds_instead_of_giving_away(open_sqlite_gateway, monkeypatch):
    async with Upstream(raw(answer(RESULT_BODY))) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:

        def full(*_, **__):
            raise NotRecorded("Too many calls wait for the ledger.")

        monkeypatch.setattr(caller.gateway.parts.recorder, "record", full)
        got = await caller.call()

        assert got.error["code"] == -31503
        assert caller.events == []


async def test_a_chunked_answer_gets_a_length_when_it_is_short(open_sqlite_gateway):
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
    script = raw(head, chunk(RESULT_BODY[:20]), chunk(RESULT_BODY[20:]), b"0\r\n\r\n")
    async with Upstream(script) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call()

        assert got.passed == RESULT_BODY
        assert got.header("content-length") == str(len(got.body))
        assert got.header("content-type") == "application/json; charset=utf-8"
