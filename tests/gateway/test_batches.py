"""An array of messages (2025-03-26) is as many requests, each let in, limited, charged and answered by itself."""

import json

import pytest

from app.gateway import batches
from tests.asynchronous import until
from tests.gateway.eras.servers import META, events_of, response
from tests.gateway.gateways import CALL, LIST
from tests.gateway.limiting import limit, price
from tests.gateway.streams import PROGRESS, event, stream
from tests.gateway.upstreams import Upstream, answer, chunk, silence

HELLO = {"content": [{"type": "text", "text": "Hello, Ada"}]}
NOTE = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "progress": 1}}
UPSTREAMS_OWN = "upstreams-own-session"


def call(message_id, name="greet", **more):
    return {"jsonrpc": "2.0", "id": message_id, "method": "tools/call", "params": {"name": name, **more}}


async def answers(request, reader, writer):
    if "id" in request.message:
        writer.write(response(request, HELLO))
    else:
        writer.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")


async def test_each_call_has_its_own_receipt_and_the_header_lists_them_in_order(open_gateway):
    async with Upstream(answers) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        await price(caller, "0.05 usd")
        got = await caller.call([call("a"), LIST, call(2, "slow")])

        assert [one["id"] for one in got.json] == ["a", 1, 2]
        receipts = [one["result"].get("_meta", {}).get("postern/receipt", "") for one in got.json]
        assert receipts[1] == ""
        assert got.header("postern-receipt") == ", ".join(one.partition(".")[0] for one in receipts if one)
        assert sorted((one.tool, one.units, one.amount_nanos) for one in caller.events) == [
            ("greet", 1, 5_000_000_000),
            ("slow", 1, 5_000_000_000),
        ]
        assert len({one.request_id for one in caller.events}) == 2


async def test_one_that_is_refused_does_not_sink_the_others(open_gateway):
    async with Upstream(answers) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        await limit(caller, "calls", "2/month")
        got = await caller.call([call(1), call(2, "nobody_knows"), {"jsonrpc": "2.0", "id": 3}, 4, call(5), call(6)])

        assert [one["id"] for one in got.json] == [1, 2, 3, None, 5, 6]
        assert [one["error"]["data"]["reason"] if "error" in one else "" for one in got.json] == [
            "",
            "unknown_tool",
            "malformed",
            "malformed",
            "",
            "allowance_used",
        ]
        assert [one.units for one in caller.events] == [1, 1]
        assert len(upstream.requests) == 2


async def test_rates_count_each_message(open_sqlite_gateway):
    async with Upstream(answers) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await limit(caller, "calls", "3/minute")
        got = await caller.call([call(number) for number in range(5)])

        assert ["error" in one for one in got.json] == [False, False, False, True, True]
        assert ";r=0;" in got.header("ratelimit")
        assert len(upstream.requests) == 3


@pytest.mark.parametrize(
    ("messages", "says"),
    [
        ([], "empty"),
        ([call(number) for number in range(51)], "50 messages"),
        ([call(1), LIST], "same “id”"),
        ([call("1"), LIST], "same “id”"),
        ([{"jsonrpc": "2.0", "id": 2, "method": "initialize", "params": {}}, LIST], "“initialize”"),
        ([LIST, [call(2)]], "no further arrays"),
        ([call(1, _meta={META + "protocolVersion": "2026-07-28"})], "no arrays"),
    ],
    ids=["empty", "51", "ids", "ids of two kinds", "initialize", "nested", "of 2026-07-28"],
)
async def test_an_array_that_is_not_clear_is_refused_as_a_whole(open_sqlite_gateway, messages, says):
    async with Upstream(answers) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call(messages)

        assert (got.status, got.error["data"]["reason"]) == (400, "malformed")
        assert says in got.error["message"]
        assert upstream.requests == []
        [tried] = await until(lambda: caller.attempts)
        assert tried.key_id is not None


async def test_an_idempotency_key_is_for_one_call(open_sqlite_gateway):
    async with Upstream(answers) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call([call(1), call(2)], headers=caller.usual(("Idempotency-Key", "order 7")))

        assert got.status == 400
        assert "Idempotency-Key is for one call" in got.error["message"]
        assert upstream.requests == []


async def test_max_cost_holds_for_each_call(open_sqlite_gateway):
    async with Upstream(answers) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await price(caller, "0.01 usd")
        await price(caller, "0.50 usd", tool="slow")
        got = await caller.call([call(1), call(2, "slow")], headers=caller.usual(("Max-Cost", "0.05 usd")))

        assert ["error" in one for one in got.json] == [False, True]
        assert len(upstream.requests) == 1


async def test_what_wants_no_answer_gets_none(open_sqlite_gateway):
    async with Upstream(answers) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        only_notes = await caller.call([NOTE, {**NOTE, "params": {}}])
        mixed = await caller.call([NOTE, LIST])

        assert (only_notes.status, only_notes.body) == (202, b"")
        assert [one["id"] for one in mixed.json] == [1]
        assert len(upstream.requests) == 4


async def test_messages_keep_their_order_and_session(open_sqlite_gateway):
    async with Upstream(answers) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        session = caller.session(UPSTREAMS_OWN)
        await caller.call([NOTE, call(2), LIST], headers=caller.usual(("Mcp-Session-Id", session)))

        assert [one.message["method"] for one in upstream.requests] == [NOTE["method"], "tools/call", "prompts/list"]
        assert {one.header("mcp-session-id") for one in upstream.requests} == {UPSTREAMS_OWN}


async def test_of_a_session_that_has_ended_the_status_tells(open_sqlite_gateway):
    async def forgets(request, reader, writer):
        writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")

    async with Upstream(forgets) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        headers = caller.usual(("Mcp-Session-Id", caller.session(UPSTREAMS_OWN)))
        ended = await caller.call([call(1), call(2)], headers=headers)
        strangers = await caller.call([call(1), call(2)], headers=caller.usual(("Mcp-Session-Id", "made-up")))

        assert (ended.status, strangers.status) == (404, 404)
        assert strangers.error["data"]["reason"] == "unknown_session"
        assert len(upstream.requests) == 1


@pytest.mark.parametrize("version", ["2025-06-18", "2025-11-25", "2026-07-28"])
async def test_t12_an_array_at_a_later_revision_is_refused_as_a_whole(open_sqlite_gateway, version):
    async with Upstream(answers) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call([CALL], headers=caller.usual(("MCP-Protocol-Version", version)))

        assert got.status == 400
        assert "Send each message by itself" in got.error["message"]
        assert upstream.requests == []
        assert caller.events == []


@pytest.mark.parametrize(("version", "status"), [("2025-03-26", 200), ("2025-11-25", 400)])
async def test_the_revision_that_a_session_began_with_decides(open_sqlite_gateway, version, status):
    begin = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": version}}
    async with Upstream(answers) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        session = (await caller.call(begin, path="/mcp")).header("mcp-session-id")
        array = [call(1, "sampler_greet"), call(2, "sampler_slow")]
        got = await caller.call(array, path="/mcp", headers=caller.usual(("Mcp-Session-Id", session)))

        assert got.status == status
        assert len(caller.events) == (2 if status == 200 else 0)


async def test_who_hangs_up_pays_for_what_was_answered_and_nothing_more_is_sent(open_gateway):
    async def answers_the_first(request, reader, writer):
        await (answers if request.message["id"] == 1 else silence)(request, reader, writer)

    async with Upstream(answers_the_first) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        request = caller.start([call(1), call(2), call(3)])
        await until(lambda: len(upstream.requests) == 2)
        request.hang_up()
        got = await request.finished()
        events = await until(lambda: len(caller.events) == 2 and caller.events)

        assert not got.is_complete
        assert sorted((one.status, one.units) for one in events) == [("cancelled", 0), ("ok", 1)]
        assert len(upstream.requests) == 2


async def test_an_integration_answers_for_itself_alone(open_sqlite_gateway):
    async def answers_for_others(request, reader, writer):
        said = [
            {"jsonrpc": "2.0", "id": number, "result": {"content": [], "to": request.message["id"]}}
            for number in (2, 1)
        ]
        writer.write(answer(json.dumps(said).encode()))

    async with Upstream(answers_for_others) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call([call(1), call(2)])

        assert [(one["id"], one["result"]["to"]) for one in got.json] == [(1, 1), (2, 2)]


async def test_what_an_integration_tells_meanwhile_makes_the_answer_a_stream(open_sqlite_gateway):
    async def tells(request, reader, writer):
        result = {"jsonrpc": "2.0", "id": request.message["id"], "result": HELLO}
        await stream(event(PROGRESS), event(result))(request, reader, writer)

    async with Upstream(tells) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call([call(1), call(2)])
        plain = await caller.call([call(1), call(2)], headers=[*caller.usual()[:-1], ("Accept", "application/json")])

        said = events_of(got.body)
        assert got.header("content-type") == "text/event-stream"
        assert said[:2] == [PROGRESS, PROGRESS]
        assert [one["id"] for one in said[2]] == [1, 2]
        assert all("postern/receipt" in one["result"]["_meta"] for one in said[2])
        assert [one["id"] for one in plain.json] == [1, 2]
        assert len(caller.events) == 4


@pytest.mark.parametrize("broken", [b"{}", b"[1]", b"not JSON", b'{"jsonrpc":"2.0","id":9,"result":{}}'])
async def test_what_cannot_be_put_into_the_array_becomes_an_error(open_sqlite_gateway, broken):
    async def breaks(request, reader, writer):
        writer.write(answer(broken))

    async with Upstream(breaks) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call([LIST, call(2)])

        assert [one["id"] for one in got.json] == [1, 2]
        assert all("error" in one for one in got.json)


async def test_large_answers_get_their_receipt_until_there_is_no_room(open_sqlite_gateway, monkeypatch):
    monkeypatch.setattr(batches, "LARGEST_BYTES", 700_000)

    async def pours(request, reader, writer):
        writer.write(response(request, {"content": [], "text": "x" * 300_000}))

    async with Upstream(pours) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call([call(number) for number in range(5)])

        fine = [one["result"]["_meta"]["postern/receipt"].partition(".")[0] for one in got.json if "result" in one]
        assert 2 <= len(fine) <= 3
        assert fine == got.header("postern-receipt").split(", ")[: len(fine)]
        assert {one["error"]["data"]["reason"] for one in got.json[len(fine) :]} == {"too_large"}
        assert sum(one.units for one in caller.events) == len(fine)
        assert len(upstream.requests) <= 3


async def test_an_answer_that_has_no_room_is_cut_off_and_costs_nothing(open_sqlite_gateway, monkeypatch):
    monkeypatch.setattr(batches, "LARGEST_BYTES", 100_000)

    async def pours(request, reader, writer):
        if request.message["id"] == 2:
            writer.write(response(request, HELLO))
            return
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:  # until the gateway hangs up
            writer.write(chunk(b" " * 50_000))
            await writer.drain()

    async with Upstream(pours) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call([call(1), call(2)])

        assert got.json[0]["error"]["data"]["reason"] == "too_large"
        assert got.json[1]["result"]["content"] == HELLO["content"]
        events = await until(lambda: len(caller.events) == 2 and caller.events)
        assert sorted((one.status, one.units) for one in events) == [("cancelled", 0), ("ok", 1)]


async def test_a_call_in_an_array_is_as_free_of_others_as_any(open_sqlite_gateway):
    async with Upstream(answers) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call([CALL], headers=[("Content-Type", "application/json")])

        assert got.status == 401
        assert upstream.requests == []
