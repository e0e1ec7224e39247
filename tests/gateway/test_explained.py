"""Every decision is explainable: also of requests that make no event, and of refusals of which too many come."""

import json

import pytest
from sqlmodel import Session, select

from app.metering import crowds, explaining, notebook
from app.metering.models import Crowd
from tests.asynchronous import until
from tests.gateway.gateways import CALL, RESULT
from tests.gateway.upstreams import Upstream, answer, raw

BODY = json.dumps(RESULT).encode()
ADDRESSES = {"keys_url": "https://portal/keys", "gateway_url": "https://gateway", "operator": "the operator"}
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


@pytest.fixture(autouse=True)
def timeless(monkeypatch):
    """No crowd is over before its gateway stops, however slow the machine."""
    monkeypatch.setattr(crowds, "monotonic", lambda: 0.0)


@pytest.fixture
def explained(sqlite_engine):
    """`await explained(got)`: what is said about the request that was answered so, once it is written down."""

    def lines(request_id):
        with Session(sqlite_engine) as session:
            return "\n".join(explaining.of(session, request_id, kept_hours=24, addresses=ADDRESSES))

    async def explained(got):
        return await until(lambda: lines(got.header("postern-request-id")))

    return explained


def crowds_in(engine):
    with Session(engine) as session:
        return list(session.exec(select(Crowd)))


@pytest.mark.parametrize("message", [PING, LIST], ids=["passed on", "answered here"])
async def test_what_is_free_is_explained_with_its_policy_and_limits(open_sqlite_gateway, explained, message):
    async with Upstream(raw(answer(BODY))) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call(message)
        version = caller.gateway.parts.policy.version
        said = await explained(got)

    for words in ("let in, and free", f"{message['method']} at sampler", f"version {version}", "with the key “"):
        assert words in said
    assert "settings usually allow each key; all had room" in said


async def test_an_integration_sees_the_id_that_the_caller_is_told(open_sqlite_gateway):
    async with Upstream(raw(answer(BODY))) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call(PING)

        assert upstream.requests[0].header("x-request-id") == got.header("postern-request-id")


async def test_many_that_are_alike_make_one_row_and_each_can_be_asked_for(
    open_sqlite_gateway, sqlite_engine, explained
):
    async with open_sqlite_gateway() as caller:
        answers = [await caller.call(LIST) for _ in range(5)]
        assert len({got.header("postern-request-id") for got in answers}) == 5
        for got in answers:
            assert "tools/list at sampler" in await explained(got)

    [crowd] = crowds_in(sqlite_engine)
    assert crowd.id == answers[0].header("postern-request-id")


async def test_a_retry_is_explained_by_its_first_try(open_sqlite_gateway, explained):
    async with Upstream(raw(answer(BODY))) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        headers = caller.usual(("Idempotency-Key", "order-7"))
        first = await caller.call(headers=headers)
        said = await explained(await caller.call(headers=headers))

    assert "a retry, answered as its first try was, and neither made nor charged again" in said
    assert first.receipt in said


async def test_a_call_that_is_declined_is_explained(open_sqlite_gateway, explained, monkeypatch):
    async with open_sqlite_gateway() as caller:
        monkeypatch.setattr(caller.gateway.parts.breakers, "wait_s", lambda *_: 5)
        said = await explained(await caller.call())

    assert "let in, but not made and not charged" in said
    assert "Asked:   tools/call of “greet” at sampler" in said
    assert "the integration kept failing" in said


async def test_a_call_that_was_asked_for_input_is_explained(open_sqlite_gateway, explained):
    asked = json.dumps({"jsonrpc": "2.0", "id": 7, "result": {"resultType": "input_required", "inputRequests": {}}})
    async with (
        Upstream(raw(answer(asked.encode()))) as upstream,
        open_sqlite_gateway(upstream_url=upstream.url) as caller,
    ):
        said = await explained(await caller.call())

    assert "asked for input, so this is no call yet" in said


async def test_an_array_is_explained_and_so_is_each_of_its_messages(open_sqlite_gateway, sqlite_engine, explained):
    async with Upstream(raw(answer(BODY))) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        said = await explained(await caller.call([PING, {**CALL, "id": 2}]))

        assert "an array, taken apart" in said
        await until(lambda: {one.decision for one in crowds_in(sqlite_engine)} == {crowds.ARRAY, crowds.LET_IN})


async def test_fetching_a_receipt_is_explained_whether_or_not_it_is_there(open_sqlite_gateway, explained):
    async with Upstream(raw(answer(BODY))) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        receipt = (await caller.call()).receipt
        said = await explained(await caller.call(method="GET", path=f"/receipts/{receipt}"))
        refused = await explained(await caller.call(method="GET", path=f"/receipts/{receipt[:-4]}0000"))

    assert "let in, and free" in said
    assert "Asked:   GET /receipts/…" in said
    assert "refused with HTTP 404" in refused


async def test_refusals_beyond_the_rate_are_explained_together(
    open_sqlite_gateway, sqlite_engine, explained, monkeypatch
):
    for module in (notebook, crowds):
        monkeypatch.setattr(module, "monotonic", lambda: 0.0)  # the flood takes no time, however long it takes
    async with open_sqlite_gateway() as caller:
        for _ in range(notebook.PER_SECOND + 20):
            got = await caller.call(path="/mcp/nowhere")
        said = await explained(got)

    assert got.error["data"]["requestId"] == got.header("postern-request-id")
    for words in ("refused with HTTP 404", "unknown_integration", "at /mcp/nowhere", "alike, which are kept together"):
        assert words in said
    [crowd] = crowds_in(sqlite_engine)
    assert (crowd.decision, crowd.count) == (crowds.REFUSED, 20)


async def test_too_many_different_refusals_are_explained_in_general(open_sqlite_gateway, explained, monkeypatch):
    monkeypatch.setattr(notebook, "monotonic", lambda: 0.0)
    monkeypatch.setattr(notebook, "PER_SECOND", 0)
    async with open_sqlite_gateway() as caller:
        monkeypatch.setattr(caller.gateway.parts.notebook, "_allowance", 0.0)
        monkeypatch.setattr(caller.gateway.parts.notebook.refused_crowds, "_most", 2)
        for number in range(5):
            got = await caller.call(path=f"/mcp/nowhere-{number}")
        said = await explained(got)

    for words in ("refused with HTTP 404", "unknown_integration", "There is no integration at that address"):
        assert words in said
