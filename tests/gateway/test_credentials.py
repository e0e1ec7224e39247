"""Who calls: keys in headers, known from memory, and words for every way in which one can be wrong."""

import asyncio
import logging

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from app.core import changes
from app.keys import services, tokens
from app.keys.models import Key
from tests.asynchronous import until
from tests.gateway.upstreams import Upstream, answer, raw
from tests.waiting import PATIENCE_S

OK = raw(answer(b'{"jsonrpc":"2.0","id":7,"result":{}}'))
WRONG_CHECKSUM = "pst_live_" + "a" * 36
ADMINS = "pst_admin_" + "a" * 30 + tokens.checksum("a" * 30)
UNKNOWN = "pst_live_" + "a" * 30 + tokens.checksum("a" * 30)


def bearing(value):
    return [("Content-Type", "application/json"), ("Authorization", value)]


@pytest.mark.parametrize(
    "headers",
    [
        lambda secret: [("Authorization", f"Bearer {secret}")],
        lambda secret: [("Authorization", f"bearer   {secret}")],
        lambda secret: [("X-API-Key", secret)],
        lambda secret: [("X-API-Key", secret), ("Authorization", f"Bearer {secret}")],
    ],
)
async def test_a_key_opens_the_door_in_every_usual_form(open_sqlite_gateway, headers):
    async with Upstream(OK) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        got = await caller.call(headers=[("Content-Type", "application/json"), *headers(caller.secret)])

        assert got.status == 200


@pytest.mark.parametrize(
    ("headers", "reason", "words"),
    [
        ([], "no_key", "Authorization: Bearer"),
        ([("Authorization", "Bearer ")], "no_key", "Authorization: Bearer"),
        ([("X-API-Key", "")], "no_key", "Authorization: Bearer"),
        ([("Authorization", "Bearer hello")], "not_a_key", "pst_live_"),
        ([("Authorization", "Bearer \xe9t\xe9")], "not_a_key", "pst_live_"),
        ([("Authorization", f"Bearer {ADMINS}")], "not_a_key", "it is an admin key"),
        ([("X-API-Key", ADMINS[:-1])], "not_a_key", "it is an admin key"),
        ([("Authorization", "Basic dXNlcjpwYXNz")], "not_a_key", "Bearer"),
        ([("Authorization", f"{UNKNOWN}")], "not_a_key", "before the key"),
        ([("Authorization", f"Bearer {WRONG_CHECKSUM}")], "incomplete_key", "cut short or mistyped"),
        ([("Authorization", "Bearer pst_live_abc")], "incomplete_key", "cut short or mistyped"),
        ([("X-API-Key", UNKNOWN + "x")], "incomplete_key", "cut short or mistyped"),
        ([("X-API-Key", UNKNOWN)], "unknown_key", "none of this gateway's"),
    ],
)
async def test_a_wrong_key_is_refused_with_words(open_sqlite_gateway, headers, reason, words):
    async with open_sqlite_gateway() as caller:
        got = await caller.call(headers=[("Content-Type", "application/json"), *headers])

        assert got.status == 401
        assert got.header("www-authenticate") == "Bearer"
        assert got.header("content-type") == "application/json"
        assert got.json["id"] == 7
        assert got.error["data"]["reason"] == reason
        assert words in got.error["message"]
        assert "http://portal.example/keys" in got.error["message"]
        assert got.error["data"]["requestId"] == got.header("postern-request-id")


async def test_a_revoked_key_says_so(open_gateway, session, make, now):
    secrets = []
    key = make.key(secret=secrets)
    async with Upstream(OK) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        assert (await caller.call(headers=bearing(f"Bearer {secrets[0]}"))).status == 200
        services.revoke(session, key=key, person_id=None, now=now)
        session.commit()

        async with asyncio.timeout(PATIENCE_S):
            while (got := await caller.call(headers=bearing(f"Bearer {secrets[0]}"))).status == 200:
                pass

        assert (got.status, got.error["data"]["reason"]) == (401, "revoked_key")


async def test_a_brand_new_key_works_with_its_first_call(open_gateway, session, make, monkeypatch):
    monkeypatch.setattr("app.gateway.feed.EVERY_S", 10 * PATIENCE_S)
    async with Upstream(OK) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        secrets = []
        make.key(secret=secrets)
        session.commit()

        assert (await caller.call(headers=bearing(f"Bearer {secrets[0]}"))).status == 200


async def test_a_brand_new_integration_works_with_its_first_call(open_gateway, session, make, monkeypatch):
    monkeypatch.setattr("app.gateway.feed.EVERY_S", 10 * PATIENCE_S)
    async with Upstream(OK) as upstream, open_gateway() as caller:
        make.integration("fresh", upstream_url=upstream.url)
        session.commit()

        assert (await caller.call(path="/mcp/fresh")).status == 200


@pytest.mark.parametrize("query", [b"api_key=x", b"a=b&key=x", b"access_token=x", b"x=pst_live_abcdefgh1", b"apikey=1"])
async def test_a_key_in_the_address_is_refused(open_sqlite_gateway, query):
    async with open_sqlite_gateway() as caller:
        got = await caller.call(query=query)

        assert (got.status, got.error["data"]["reason"]) == (400, "key_in_address")


async def test_two_different_keys_are_refused(open_sqlite_gateway):
    async with open_sqlite_gateway() as caller:
        got = await caller.call(headers=caller.usual(("X-API-Key", UNKNOWN)))

        assert (got.status, got.error["data"]["reason"]) == (400, "malformed")


async def test_an_old_policy_is_not_trusted(open_gateway, monkeypatch):
    async with Upstream(OK) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        monkeypatch.setattr(changes, "newest", failing)
        assert (await caller.call()).status == 200  # fresh enough
        await caller.policy_gets_old()

        got = await caller.call()

        assert (got.status, got.error["data"]["reason"]) == (503, "unavailable")
        assert got.header("retry-after") == "2"
        assert len(upstream.requests) == 1


async def test_a_key_nobody_can_check_is_not_called_unknown(open_sqlite_gateway, monkeypatch):
    async with open_sqlite_gateway() as caller:
        monkeypatch.setattr(changes, "newest", failing)

        got = await caller.call(headers=bearing(f"Bearer {UNKNOWN}"))

        assert (got.status, got.error["data"]["reason"]) == (503, "unavailable")


def failing(session):
    raise OperationalError("SELECT", {}, Exception("the database has gone"))


async def test_callers_credentials_never_travel_upstream(open_sqlite_gateway):
    async with Upstream(OK) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        more = [("Cookie", f"key={caller.secret}"), ("X-API-Key", caller.secret), ("Proxy-Authorization", "Basic eA==")]
        await caller.call(headers=caller.usual(*more))
        await caller.call(method="GET", headers=caller.usual(*more))

        sent = repr(upstream.requests)
        assert len(upstream.requests) == 2
        assert caller.secret not in sent
        assert "Basic" not in sent


async def test_use_is_noted(open_gateway, session, monkeypatch):
    monkeypatch.setattr("app.metering.notebook.USES_EVERY_S", 0.05)
    async with Upstream(OK) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        await caller.call()

        def last_used():
            session.expire_all()
            return session.exec(select(Key)).one().last_used_at

        assert await until(last_used) is not None


async def test_no_key_is_ever_logged(open_sqlite_gateway, caplog):
    caplog.set_level(logging.DEBUG)
    async with Upstream(OK) as upstream, open_sqlite_gateway(upstream_url=upstream.url) as caller:
        await caller.call()
        await caller.call(headers=bearing(f"Bearer {UNKNOWN}"))
        await caller.call(headers=bearing(f"Bearer {caller.secret[:-3]}"))
        upstream.script = raw(b"", then_close=True)
        await caller.call()
        await caller.call(path=f"/mcp/{caller.secret}")

    assert caller.secret[:20] not in caplog.text
    assert UNKNOWN not in caplog.text
    assert "Ada" not in caplog.text
