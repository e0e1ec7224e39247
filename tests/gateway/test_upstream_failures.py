"""When the integration fails: said in the protocol's form, written down, and free."""

import asyncio
import json
import socket

import pytest

from tests.asynchronous import until
from tests.gateway.gateways import CALL, LIST, RESULT
from tests.gateway.upstream_calls import pool_of
from tests.gateway.upstreams import Upstream, answer, raw, silence
from tests.waiting import PATIENCE_S

BODY = json.dumps(RESULT).encode()
HTML = b"<html>sorry</html>"


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


FAILURES = {
    "500": (raw(answer(HTML, status="500 Oops", kind="text/html")), "upstream_error", "http_500", -31502, 502),
    "503 json": (raw(answer(b"{}", status="503 Busy")), "upstream_error", "http_503", -31502, 502),
    "redirect": (
        raw(answer(b"", status="302 Found", more="location: http://169.254.169.254/\r\n")),
        "upstream_error",
        "http_302",
        -31502,
        502,
    ),
    "401": (
        raw(answer(b"{}", status="401 Unauthorized", more='www-authenticate: Bearer resource_metadata="x"\r\n')),
        "upstream_error",
        "locked_out",
        -31502,
        502,
    ),
    "403": (raw(answer(b"{}", status="403 Forbidden")), "upstream_error", "locked_out", -31502, 502),
    "html": (raw(answer(HTML, kind="text/html")), "upstream_error", "bad_answer", -31502, 502),
    "202": (raw(answer(b"", status="202 Accepted")), "upstream_error", "bad_answer", -31502, 502),
    "gzip": (raw(answer(BODY, more="content-encoding: gzip\r\n")), "upstream_error", "bad_answer", -31502, 502),
    "not HTTP": (raw(b"220 mail.example ESMTP\r\n"), "upstream_error", "bad_answer", -31502, 502),
    "hangs up": (raw(b"", then_close=True), "upstream_error", "broke_off", -31502, 502),
    "half": (raw(answer(BODY)[:-10], then_close=True), "upstream_error", "broke_off", -31502, 502),
    "silent": (silence, "timeout", "timeout", -31504, 504),
    "half and silent": (raw(answer(BODY)[:-10]), "timeout", "timeout", -31504, 504),
}

SHORT = {"answer_timeout_s": 0.2, "idle_timeout_s": 0.2}


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_failed_call_is_a_jsonrpc_error_under_200_and_costs_nothing(open_sqlite_gateway, failure):
    script, status, error_class, code, _ = FAILURES[failure]
    limits = SHORT if "silent" in failure else {}
    async with Upstream(script) as upstream, open_sqlite_gateway(upstream_url=upstream.url, **limits) as caller:
        got = await caller.call()

        assert (got.status, got.is_complete) == (200, True)
        assert (got.json["id"], got.error["code"]) == (7, code)
        assert "“Sampler”" in got.error["message"]
        assert "not charged" in got.error["message"]
        assert upstream.url not in got.passed.decode()
        assert got.header("www-authenticate") is None
        [event] = caller.events
        assert event.id == got.receipt
        assert (event.status, event.error_class, event.units) == (status, error_class, 0)
        assert [(hour.calls, hour.errors, hour.units) for hour in caller.hours] == [(1, 1, 0)]


@pytest.mark.parametrize("failure", sorted(set(FAILURES) - {"half and silent"}))
async def test_what_is_free_fails_with_a_status_and_the_same_words(open_sqlite_gateway, failure):
    script, _, error_class, code, http_status = FAILURES[failure]
    limits = SHORT if "silent" in failure else {}
    async with Upstream(script) as upstream, open_sqlite_gateway(upstream_url=upstream.url, **limits) as caller:
        got = await caller.call(LIST)

        assert (got.status, got.json["id"], got.error["code"]) == (http_status, 1, code)
        assert got.error["data"]["reason"] == error_class
        assert "charged" not in got.error["message"]
        assert caller.events == []


async def test_an_integration_that_is_not_there_is_said_to_be_unreachable(open_sqlite_gateway):
    async with open_sqlite_gateway(upstream_url=f"http://127.0.0.1:{closed_port()}/mcp") as caller:
        got = await caller.call()

        assert "cannot be reached" in got.error["message"]
        assert [event.error_class for event in caller.events] == ["unreachable"]


async def test_a_busy_integration_is_said_to_be_busy(open_sqlite_gateway):
    async with (
        Upstream(silence) as upstream,
        open_sqlite_gateway(upstream_url=upstream.url, upstream_connections=1) as caller,
    ):
        first = caller.start()
        await until(lambda: upstream.requests)
        pool_of(caller.gateway.parts.client)._connect_s = 0.1

        assert "busy" in (await caller.call()).error["message"]
        first.hang_up()
        await first.finished()


@pytest.mark.parametrize("status", [404, 405, 406, 409, 429])
async def test_statuses_that_clients_go_by_are_passed_on(open_sqlite_gateway, status):
    reply = answer(
        b"no", status=f"{status} No", kind="text/plain", more="retry-after: 9\r\nallow: POST\r\nserver: x\r\n"
    )
    async with Upstream(raw(reply)) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        for got in (await caller.call(), await caller.call(LIST), await caller.call(method="GET")):
            assert got.status == status
            assert got.error["code"] == -31502
            assert (got.header("retry-after"), got.header("allow"), got.header("server")) == ("9", "POST", None)
        assert [(event.units, event.http_status) for event in caller.events] == [(0, status)]


async def test_a_jsonrpc_error_with_a_status_passes_as_it_is(open_sqlite_gateway):
    body = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no such method"}}'
    async with (
        Upstream(raw(answer(body, status="404 Not Found"))) as upstream,
        open_sqlite_gateway(upstream_url=upstream.url) as caller,
    ):
        got = await caller.call(LIST)

        assert (got.status, got.passed) == (404, body)


async def test_notifications_and_responses_are_accepted_with_nothing(open_sqlite_gateway):
    async with (
        Upstream(raw(answer(b"ignored", status="202 Accepted", kind="text/plain"))) as upstream,
        open_sqlite_gateway(upstream_url=upstream.url) as caller,
    ):
        for message in (
            {"jsonrpc": "2.0", "method": "notifications/initialized"},
            {"jsonrpc": "2.0", "id": 3, "result": {}},
        ):
            got = await caller.call(message)
            assert (got.status, got.passed, got.is_complete) == (202, b"", True)


async def test_a_long_answer_that_breaks_off_is_cut_off_too(open_sqlite_gateway):
    body = json.dumps({"jsonrpc": "2.0", "id": 7, "result": {"content": "x" * 500_000}}).encode()
    script = raw(answer(body)[:-1000], then_close=True)
    async with Upstream(script) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        for message in (CALL, LIST):
            got = await caller.call(message)
            assert got.status == 200
            assert len(got.passed) > 64 * 1024
            assert not got.is_complete
        [event] = caller.events
        assert (event.status, event.units) == ("upstream_error", 0)


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"jsonrpc":"2.0","id":7}', b'"text"', b"nonsense", b""])
async def test_json_that_is_no_response_is_not_passed_off_as_one(open_sqlite_gateway, body):
    async with Upstream(raw(answer(body))) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call()

        assert got.error["code"] == -31502
        assert [event.units for event in caller.events] == [0]


async def test_a_call_has_an_end_even_if_it_never_falls_silent(open_sqlite_gateway):
    async def chatter(request, reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        while True:
            writer.write(b": still here\n\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with (
        Upstream(chatter) as upstream,
        open_sqlite_gateway(upstream_url=upstream.url, call_timeout_s=0.3) as caller,
    ):
        got = await caller.call()

        assert got.is_complete
        assert b"did not answer in time" in got.passed
        assert [event.status for event in caller.events] == ["timeout"]


async def test_other_callers_do_not_notice_a_slow_integration(open_sqlite_gateway):
    async def slow_for_some(request, reader, writer):
        if request.message["params"]["name"] == "slow":
            await silence(request, reader, writer)
        writer.write(answer(BODY))

    slow = {**CALL, "params": {"name": "slow"}}
    async with Upstream(slow_for_some) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        hanging = [caller.start(slow) for _ in range(50)]
        await until(lambda: len(upstream.requests) == 50)

        answers = await asyncio.wait_for(asyncio.gather(*[caller.call() for _ in range(50)]), PATIENCE_S)

        assert all(got.passed == BODY for got in answers)
        for request in hanging:
            request.hang_up()
        await asyncio.gather(*[request.finished() for request in hanging])
