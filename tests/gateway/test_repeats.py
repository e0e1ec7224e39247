"""A retry with the same Idempotency-Key is answered as the first try was: made once, charged once (T23)."""

import asyncio
import json
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, select

from app.core import clock
from app.gateway import repeats
from app.limits.models import GatewayProcess
from app.metering import idempotency, receipts
from app.metering.ledger_connection import LedgerConnection
from app.metering.proof_models import IdempotentCall
from tests.asynchronous import until
from tests.gateway.gateways import CALL, RESULT
from tests.gateway.limiting import limited
from tests.gateway.streams import PROGRESS, event, stream
from tests.gateway.upstreams import Upstream, answer, raw

BODY = json.dumps(RESULT).encode()


def keyed(caller, key="order-7"):
    return caller.usual(("Idempotency-Key", key))


def other_call():
    return {**CALL, "params": {"name": "greet", "arguments": {"name": "Grace"}}}


def claims_in(engine):
    with Session(engine) as session:
        return list(session.exec(select(IdempotentCall)))


@pytest.mark.parametrize("reply", [answer(BODY), None], ids=["JSON", "stream"])
async def test_t23_a_replayed_call_is_made_and_billed_once(open_gateway, reply):
    script = raw(reply) if reply is not None else stream(event(PROGRESS), event(RESULT))
    async with Upstream(script) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        first = await caller.call(headers=keyed(caller))
        again = await caller.call({**CALL, "id": "retry"}, headers=keyed(caller))

        assert len(upstream.requests) == 1
        [recorded] = caller.events
        assert recorded.units == 1
        assert recorded.idempotency_digest
        assert again.header("idempotency-replayed") == "true"
        assert first.header("idempotency-replayed") is None
        assert again.receipt == first.receipt == recorded.id
        assert again.json["id"] == "retry"
        assert json.loads(again.passed)["result"] == RESULT["result"]
        text = again.header("postern-receipt")
        assert again.json["result"]["_meta"]["postern/receipt"] == text
        assert text in first.body.decode()
        assert receipts.taken_apart(text).id == recorded.id


async def test_another_call_with_the_same_key_is_refused(open_sqlite_gateway):
    async with Upstream(raw(answer(BODY))) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await caller.call(headers=keyed(caller))
        refused = await caller.call(other_call(), headers=keyed(caller))
        fine = await caller.call(other_call(), headers=keyed(caller, "order-8"))

        assert (refused.status, refused.error["code"]) == (200, -31422)
        assert refused.error["data"]["reason"] == "key_reused"
        assert "result" in fine.json
        assert len(caller.events) == len(upstream.requests) == 2


async def test_while_the_first_try_is_under_way_the_second_waits_for_its_turn(open_gateway):
    go_on = asyncio.Event()

    async def slowly(request, reader, writer):
        await go_on.wait()
        writer.write(answer(BODY))

    async with Upstream(slowly) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        first = caller.start(headers=keyed(caller))
        await until(lambda: upstream.requests)
        early = await caller.call(headers=keyed(caller))
        go_on.set()
        await first.finished()
        late = await caller.call(headers=keyed(caller))

        assert (early.error["code"], early.header("retry-after")) == (-31409, "2")
        assert late.header("idempotency-replayed") == "true"
        assert len(caller.events) == len(upstream.requests) == 1


async def test_fifty_at_once_are_one_call(open_gateway):
    async with Upstream(raw(answer(BODY))) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        answers = await asyncio.gather(*[caller.call(headers=keyed(caller)) for _ in range(50)])

        assert len(upstream.requests) == len(caller.events) == 1
        for got in answers:
            assert "result" in got.json or got.error["code"] == -31409


@pytest.mark.parametrize(
    "reply",
    [
        answer(json.dumps({"jsonrpc": "2.0", "id": 7, "error": {"code": -32603, "message": "no"}}).encode()),
        answer(b"", status="500 Oh dear"),
        answer(json.dumps({"jsonrpc": "2.0", "id": 7, "result": {"resultType": "input_required"}}).encode()),
    ],
    ids=["error", "500", "more input"],
)
async def test_a_call_that_failed_is_tried_anew(open_gateway, reply):
    async with Upstream(raw(reply)) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        await caller.call(headers=keyed(caller))
        await caller.call(headers=keyed(caller))

        assert len(upstream.requests) == 2
        assert sum(recorded.units for recorded in caller.events) == 0
        assert claims_in(caller.engine) == []


async def test_a_key_is_free_again_once_the_database_that_was_away_is_back(open_sqlite_gateway, monkeypatch):
    monkeypatch.setattr(repeats, "AGAIN_S", 0.01)
    let_go, tries, is_away = idempotency.let_go, [], [True]

    def unless_away(session, **which):
        tries.append(which)
        if is_away[0]:
            raise OperationalError("DELETE", {}, Exception("the database is away"))
        let_go(session, **which)

    monkeypatch.setattr(idempotency, "let_go", unless_away)
    rule = ("calls", "1/hour", {"per": "key"})
    async with Upstream(raw(answer(BODY))) as upstream, limited(open_sqlite_gateway, upstream, rule) as caller:
        await caller.call()
        refused = await caller.call(headers=keyed(caller))
        assert refused.error["data"]["reason"] == "rate_limited"
        await until(lambda: len(tries) > 2)
        assert len(claims_in(caller.engine)) == 1

        is_away[0] = False
        await until(lambda: not claims_in(caller.engine))


async def test_a_result_too_large_to_be_kept_is_charged_once_and_says_so(open_sqlite_gateway):
    large = answer(json.dumps({"jsonrpc": "2.0", "id": 7, "result": {"content": "x" * 100_000}}).encode())
    async with Upstream(raw(large)) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        first = await caller.call(headers=keyed(caller))
        again = await caller.call(headers=keyed(caller))

        assert "result" in first.json
        assert again.error["code"] == -31410
        assert first.receipt in again.error["message"]
        assert len(caller.events) == len(upstream.requests) == 1


async def test_keys_belong_to_their_api_key(open_sqlite_gateway, sqlite_engine, now):
    from tests.factories import Factory

    secrets = []
    with Session(sqlite_engine) as session:
        Factory(session, now).key(secret=secrets)
        session.commit()
    async with Upstream(raw(answer(BODY))) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await caller.call(headers=keyed(caller))
        caller.secret = secrets[0]
        other = await caller.call(headers=keyed(caller))

        assert other.header("idempotency-replayed") is None
        assert len(caller.events) == 2


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\tkey", "é"])
async def test_a_key_that_cannot_be_one_is_refused(open_sqlite_gateway, key):
    async with Upstream(raw(answer(BODY))) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        assert (await caller.call(headers=keyed(caller, key))).status == 400
        assert upstream.requests == []


@pytest.mark.parametrize("how", ["died", "left behind", "lives"])
async def test_a_claim_outlives_its_process_only_for_a_while(open_gateway, how):
    async with Upstream(raw(answer(BODY))) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        process_id, now = uuid4(), clock.now()
        await caller.call(headers=keyed(caller))
        with Session(caller.engine) as session:
            found = session.exec(select(IdempotentCall)).one()
            found.is_answered, found.claimed_by, found.receipt = False, process_id, "rcp_before"
            found.claimed_at = now - timedelta(hours=2 if how == "left behind" else 0, minutes=5)
            if how != "died":
                session.add(GatewayProcess(id=process_id, started_at=now, seen_at=now))
            session.commit()

        got = await caller.call(headers=keyed(caller))

        assert ("result" in got.json) == (how != "lives")


async def test_two_tries_that_both_were_made_count_once(open_gateway):
    """The first was taken for dead while it lived: its unit is taken back."""
    go_on = asyncio.Event()

    async def first_slowly(request, reader, writer):
        if len(upstream.requests) == 1:
            await go_on.wait()
        writer.write(answer(BODY))

    async with Upstream(first_slowly) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        first = caller.start(headers=keyed(caller))
        await until(lambda: upstream.requests)
        with Session(caller.engine) as session:
            session.exec(select(IdempotentCall)).one().claimed_at -= timedelta(hours=3)
            session.commit()
        await caller.call(headers=keyed(caller))
        go_on.set()
        await first.finished()

        assert sum(recorded.units for recorded in caller.events) == 1
        assert len(caller.events) == 3


async def test_an_answer_that_was_withheld_is_not_told_later(open_sqlite_gateway, monkeypatch):
    async with (
        Upstream(raw(answer(BODY))) as upstream,
        open_sqlite_gateway(upstream_url=upstream.url, spool_max_bytes=0) as caller,
    ):
        with monkeypatch.context() as while_it_fails:

            def fails(connection, entries):
                raise RuntimeError("no")

            while_it_fails.setattr(LedgerConnection, "write", fails)
            assert (await caller.call(headers=keyed(caller))).error["code"] == -31503
        again = await caller.call(headers=keyed(caller))

        assert "result" in again.json
        assert again.header("idempotency-replayed") is None
        assert sum(recorded.units for recorded in caller.events) == 1


def test_answers_are_forgotten_in_time(engine, session, make):
    key = make.key()
    for age in (1, 30):
        claim = idempotency.Try(key.id, f"{age}", "", "rcp_1", uuid4())
        idempotency.claim(session, claim, longest=timedelta(hours=1), now=clock.now() - timedelta(hours=age))

    assert idempotency.forget(session, before=clock.now() - timedelta(hours=24)) == 1
    assert [found.digest for found in session.exec(select(IdempotentCall))] == ["1"]
