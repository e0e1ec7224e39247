"""Answers that are streams of events: each event passes at once, save the one that answers the call."""

import asyncio
import json

import pytest

from app.metering.ledger_connection import LedgerConnection
from tests.asynchronous import until
from tests.gateway.gateways import RESULT
from tests.gateway.streams import END, HEAD, PROGRESS, event, stream
from tests.gateway.test_metered_calls import locked
from tests.gateway.upstreams import Upstream, chunk, raw, silence


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"], ids=["CRLF", "LF", "CR"])
async def test_a_stream_arrives_as_it_was_sent_and_is_one_event(open_sqlite_gateway, end):
    sent = [event(PROGRESS, end=end), event(PROGRESS, end=end), event(RESULT, end=end)]
    async with Upstream(stream(*sent)) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call()

        assert (got.status, got.passed, got.is_complete) == (200, b"".join(sent), True)
        assert got.header("content-type") == "text/event-stream"
        assert got.header("x-accel-buffering") == "no"
        assert got.header("set-cookie") is None
        [recorded] = caller.events
        assert recorded.id == got.receipt
        assert (recorded.status, recorded.units, recorded.bytes_out) == ("ok", 1, len(got.passed))


async def test_progress_passes_at_once_and_the_response_waits_for_the_ledger(open_sqlite_gateway, monkeypatch):
    gates = {"response": asyncio.Event(), "written": asyncio.Event()}

    async def script(request, reader, writer):
        writer.write(HEAD + chunk(event(PROGRESS)))
        await gates["response"].wait()
        writer.write(chunk(event(RESULT)) + END)

    async with Upstream(script) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        record = caller.gateway.parts.recorder.record

        async def slowly(*said, **more):
            await gates["written"].wait()
            return await record(*said, **more)

        monkeypatch.setattr(caller.gateway.parts.recorder, "record", slowly)
        request = caller.start()
        await until(lambda: request.answer.passed == event(PROGRESS))
        gates["response"].set()
        await asyncio.sleep(0.05)  # nothing may have happened, however long one waits
        assert request.answer.passed == event(PROGRESS)

        gates["written"].set()
        got = await request.finished()
        assert got.passed == event(PROGRESS) + event(RESULT)


async def test_events_cut_anywhere_are_put_together(open_sqlite_gateway):
    sent = event(PROGRESS) + event(RESULT)
    script = raw(HEAD, *[chunk(sent[at : at + 7]) for at in range(0, len(sent), 7)], END)
    async with Upstream(script) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        assert (await caller.call()).passed == sent
        assert len(caller.events) == 1


@pytest.mark.parametrize(
    ("last", "status", "error_class"),
    [
        (event({"jsonrpc": "2.0", "id": 7, "result": {"isError": True, "content": []}}), "tool_error", ""),
        (
            event({"jsonrpc": "2.0", "id": 7, "error": {"code": -32602, "message": "no"}}),
            "protocol_error",
            "invalid_params",
        ),
        (event({"jsonrpc": "2.0", "id": "7", "result": {}}), "ok", ""),
        (event([PROGRESS, RESULT]), "ok", ""),
        (event('{"jsonrpc":"2.0","id":7,"result":{"value":NaN}}'), "ok", ""),
        (b'data: {"jsonrpc":"2.0",\ndata: "id":7,"result":{}}\n\n', "ok", ""),
        (b'data: {"jsonrpc":"2.0","i\\u0064":7,"\\u0072esult":{}}\n\n', "ok", ""),
        (event(PROGRESS) + event(RESULT) + event(PROGRESS), "ok", ""),
        (event(RESULT).rstrip(), "ok", ""),
        (event({"jsonrpc": "2.0", "id": 7, "result": {"content": "x" * 3_000_000}}), "ok", ""),
        (event({"jsonrpc": "2.0", "id": 7, "result": {"content": "x" * 3_000_000, "isError": True}}), "tool_error", ""),
    ],
    ids=[
        "tool error",
        "error",
        "id as text",
        "batch",
        "lenient JSON",
        "two data lines",
        "escaped names",
        "among others",
        "no last blank line",
        "large",
        "large error",
    ],
)
async def test_every_form_of_response_is_counted(open_sqlite_gateway, last, status, error_class):
    sent = [event(PROGRESS), last]
    async with Upstream(stream(*sent)) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call()

        assert got.passed == b"".join(sent)
        [recorded] = caller.events
        assert (recorded.status, recorded.error_class) == (status, error_class)
        assert recorded.units == (0 if status == "protocol_error" else 1)


async def test_a_very_large_event_streams_while_its_end_waits(open_sqlite_gateway, monkeypatch):
    written = asyncio.Event()
    sent = event({"jsonrpc": "2.0", "id": 7, "result": {"content": "x" * 3_000_000}})
    async with Upstream(stream(sent)) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        record = caller.gateway.parts.recorder.record

        async def slowly(*said, **more):
            await written.wait()
            return await record(*said, **more)

        monkeypatch.setattr(caller.gateway.parts.recorder, "record", slowly)
        request = caller.start()
        await until(lambda: len(request.answer.passed) > 2_000_000)
        assert not request.answer.passed.endswith(sent[-100:])
        written.set()

        assert (await request.finished()).body == sent


async def test_more_input_asked_for_is_no_event(open_sqlite_gateway):
    sent = event({"jsonrpc": "2.0", "id": 7, "result": {"resultType": "input_required", "inputRequests": {}}})
    async with Upstream(stream(sent)) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        assert (await caller.call()).passed == sent
        assert caller.events == []


@pytest.mark.parametrize("how", ["ends", "breaks off", "falls silent"])
async def test_a_stream_without_a_response_ends_in_an_error_event_and_costs_nothing(open_sqlite_gateway, how):
    async def script(request, reader, writer):
        writer.write(HEAD + chunk(event(PROGRESS)) + chunk(b"data: half an ev"))
        if how == "ends":
            writer.write(END)
        elif how == "breaks off":
            writer.close()
        else:
            await writer.drain()
            await silence(request, reader, writer)

    limits = {"idle_timeout_s": 0.2} if how == "falls silent" else {}
    async with Upstream(script) as upstream, open_sqlite_gateway(upstream_url=upstream.url, **limits) as caller:
        got = await caller.call()

        assert got.is_complete
        assert got.passed.startswith(event(PROGRESS))
        error = json.loads(got.passed.rpartition(b"data: ")[2])
        assert error["id"] == 7
        assert error["error"]["code"] == (-31504 if how == "falls silent" else -31502)
        assert "not charged" in error["error"]["message"]
        [recorded] = caller.events
        assert recorded.units == 0
        assert recorded.status == ("timeout" if how == "falls silent" else "upstream_error")


async def test_a_response_that_cannot_be_written_down_is_replaced_by_an_error(open_sqlite_gateway, monkeypatch):
    async with (
        Upstream(stream(event(PROGRESS), event(RESULT))) as upstream,
        open_sqlite_gateway(upstream_url=upstream.url, ledger_timeout_s=0.2, spool_max_bytes=0) as caller,
    ):
        monkeypatch.setattr(LedgerConnection, "write", locked)
        got = await caller.call()

        assert got.passed.startswith(event(PROGRESS))
        assert b"Hello, Ada" not in got.passed
        assert json.loads(got.passed.rpartition(b"data: ")[2])["error"]["code"] == -31503
        assert caller.events == []


async def test_an_upstream_that_breaks_after_its_response_changes_nothing(open_sqlite_gateway):
    async def script(request, reader, writer):
        writer.write(HEAD + chunk(event(RESULT)))
        await writer.drain()
        writer.close()

    async with Upstream(script) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call()

        assert (got.passed, got.is_complete) == (event(RESULT), True)
        [recorded] = caller.events
        assert (recorded.status, recorded.units) == ("ok", 1)


async def test_a_stream_that_can_be_resumed_counts_when_it_ends_early(open_sqlite_gateway):
    sent = event("", event_id="stream-1")
    async with Upstream(stream(sent)) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call()

        assert (got.passed, got.is_complete) == (sent, True)
        [recorded] = caller.events
        assert (recorded.status, recorded.error_class, recorded.units) == ("ok", "resumable", 1)


async def test_leaving_a_stream_that_can_be_resumed_does_not_make_it_free(open_sqlite_gateway):
    async def script(request, reader, writer):
        writer.write(HEAD + chunk(event("", event_id="stream-1")))
        await writer.drain()
        await silence(request, reader, writer)

    async with Upstream(script) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        request = caller.start()
        await until(lambda: request.answer.pieces)
        request.hang_up()
        await request.finished()

        [recorded] = await until(lambda: caller.events)
        assert (recorded.error_class, recorded.units) == ("resumable", 1)


async def test_b25_a_stream_that_is_left_at_any_piece_is_one_event_and_counts_once_its_answer_was_there(
    open_sqlite_gateway,
):
    pieces = [event(PROGRESS), event(PROGRESS), event(RESULT)]
    left_after = iter(range(len(pieces) + 1))

    async def script(request, reader, writer):
        sent = pieces[: next(left_after)]
        writer.write(HEAD + b"".join(chunk(piece) for piece in sent) + (END if len(sent) == len(pieces) else b""))
        await writer.drain()
        await silence(request, reader, writer)

    async with Upstream(script) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        for number in range(len(pieces) + 1):
            request = caller.start()
            await until(lambda: len(upstream.requests) == number + 1)  # noqa: B023  (waited for here)
            await until(lambda: request.answer.passed == b"".join(pieces[:number]))  # noqa: B023
            request.hang_up()
            await request.finished()
            await until(lambda: len(caller.events) == number + 1)  # noqa: B023

        assert [recorded.units for recorded in caller.events] == [0, 0, 0, 1]
        assert (sum(hour.calls for hour in caller.hours), sum(hour.units for hour in caller.hours)) == (4, 1)
