import asyncio
import threading
import tracemalloc
from contextlib import asynccontextmanager
from math import inf
from time import monotonic
from uuid import uuid4

from sqlalchemy import delete
from sqlalchemy.exc import OperationalError
from sqlmodel import col

from app.core import changes
from app.core.changes import Change
from app.core.config import Settings
from app.core.vault import Vault
from app.gateway import feed as feed_module
from app.gateway.feed import Feed
from app.gateway.policy import Policy
from app.gateway.tariff import Tariff
from app.integrations import services as integrations
from app.keys import networks, scopes
from app.keys import services as keys
from app.keys.grants import Grant, KnownKey
from app.keys.models import Key
from tests.asynchronous import until
from tests.waiting import PATIENCE_S


@asynccontextmanager
async def following(engine):
    """A policy that follows the database, already loaded."""
    policy = Policy()
    feed = Feed(engine, policy, Vault(["for tests"]), tariff=Tariff(Settings()))
    feed.start(asyncio.get_running_loop())
    try:
        await until(lambda: feed.age_s < inf)
        yield policy, feed
    finally:
        await asyncio.to_thread(feed.stop, timeout_s=PATIENCE_S)


def digest_of(key):
    return bytes.fromhex(key.digest)


async def test_everything_is_known_from_the_start(engine, session, make, now):
    live, gone = make.key(), make.key(revoked_at=now)
    route = make.integration("sampler", upstream_url="http://upstream.example:8080/mcp")
    make.integration("asleep", is_enabled=False)
    session.commit()

    async with following(engine) as (policy, _):
        assert policy.live[digest_of(live)].organisation_id == live.organisation_id
        assert digest_of(gone) not in policy.live
        assert policy.closed[digest_of(gone)].key_id == gone.id
        assert policy.by_prefix[live.prefix].key_id == live.id
        assert policy.destinations["sampler"].route.integration_id == route.id
        assert policy.destinations["sampler"].address.origin.port == 8080
        assert not policy.destinations["asleep"].route.is_enabled


async def test_changes_arrive_by_themselves(engine, session, make, now):
    key = make.key()
    session.commit()
    async with following(engine) as (policy, _):
        keys.revoke(session, key=key, person_id=None, now=now)
        session.commit()
        await until(lambda: digest_of(key) in policy.closed)

        assert digest_of(key) not in policy.live


async def test_integrations_come_move_and_go(engine, session, make, now):
    async with following(engine) as (policy, _):
        integration = make.integration("sampler", tools=())
        session.commit()
        await until(lambda: "sampler" in policy.destinations)

        integrations.move(session, integration=integration, upstream_url="http://elsewhere.example/mcp", now=now)
        session.commit()
        await until(lambda: policy.destinations["sampler"].address.origin.host == "elsewhere.example")

        changes.record(session, kind="integration", subject_id=integration.id, now=now)
        session.delete(integration)
        session.commit()
        await until(lambda: "sampler" not in policy.destinations)


async def test_catching_up_shows_what_was_committed_before(engine, session, make, monkeypatch):
    monkeypatch.setattr(feed_module, "EVERY_S", 10 * PATIENCE_S)
    async with following(engine) as (policy, feed):
        key = make.key()
        session.commit()
        assert digest_of(key) not in policy.live

        await asyncio.gather(*[feed.catch_up(timeout_s=PATIENCE_S) for _ in range(100)])

        assert digest_of(key) in policy.live


async def test_many_who_catch_up_share_a_look(engine, session, monkeypatch):
    monkeypatch.setattr(feed_module, "EVERY_S", 10 * PATIENCE_S)
    looks, all_have_asked = [], threading.Event()
    newest = changes.newest

    def look(session):
        looks.append(1)
        all_have_asked.wait(PATIENCE_S)
        return newest(session)

    async with following(engine) as (_, feed):
        monkeypatch.setattr(changes, "newest", look)
        asking = [asyncio.create_task(feed.catch_up(timeout_s=PATIENCE_S)) for _ in range(500)]
        await asyncio.sleep(0)  # each has asked now
        all_have_asked.set()
        assert all(await asyncio.gather(*asking))

    assert len(looks) <= 2


async def test_more_changes_than_a_page_are_all_seen(engine, session, make, now, monkeypatch):
    monkeypatch.setattr(feed_module, "PAGE", 3)
    organisation = make.organisation()
    session.commit()
    async with following(engine) as (policy, feed):
        made = [make.key(organisation) for _ in range(10)]
        session.commit()
        await feed.catch_up(timeout_s=PATIENCE_S)

        assert set(policy.live) == {digest_of(key) for key in made}


async def test_a_feed_that_was_cleared_away_is_replaced_by_a_full_look(engine, session, make, now, monkeypatch):
    monkeypatch.setattr(feed_module, "EVERY_S", 10 * PATIENCE_S)
    key, other = make.key(), make.key()
    session.commit()
    async with following(engine) as (policy, feed):
        keys.revoke(session, key=key, person_id=None, now=now)
        session.execute(delete(Change))
        changes.record(session, kind="key", subject_id=other.id, now=now)
        session.commit()
        await feed.catch_up(timeout_s=PATIENCE_S)

        assert digest_of(key) in policy.closed


async def test_a_database_that_was_set_back_is_read_anew(engine, session, make, now, monkeypatch):
    monkeypatch.setattr(feed_module, "EVERY_S", 10 * PATIENCE_S)
    key = make.key()
    session.commit()
    async with following(engine) as (policy, feed):
        feed._version += 1_000
        keys.revoke(session, key=key, person_id=None, now=now)
        session.commit()
        await feed.catch_up(timeout_s=PATIENCE_S)

        assert digest_of(key) in policy.closed


async def test_a_deleted_key_is_forgotten(engine, session, make, now):
    key = make.key()
    session.commit()
    async with following(engine) as (policy, feed):
        changes.record(session, kind="key", subject_id=key.id, now=now)
        session.execute(delete(Key).where(col(Key.id) == key.id))
        session.commit()
        await feed.catch_up(timeout_s=PATIENCE_S)

        assert digest_of(key) not in policy.live
        assert key.prefix not in policy.by_prefix


async def test_a_failing_database_makes_the_policy_old_and_no_more(engine, session, make, monkeypatch, caplog):
    key = make.key()
    session.commit()
    newest = changes.newest
    async with following(engine) as (policy, feed):
        monkeypatch.setattr(changes, "newest", failing)
        await feed.catch_up(timeout_s=PATIENCE_S)
        await until(lambda: feed.age_s > 0.3)
        assert digest_of(key) in policy.live
        assert "policy.failing" in caplog.text

        mended_at = monotonic()
        monkeypatch.setattr(changes, "newest", newest)
        await until(lambda: feed.age_s < monotonic() - mended_at)


def failing(session):
    raise OperationalError("SELECT", {}, Exception("the database has gone"))


async def test_one_bad_address_does_not_stop_the_others(engine, session, make):
    good, bad = make.integration("good"), make.integration("bad")
    bad.upstream_url = "gopher://nowhere"
    session.add(bad)
    session.commit()

    async with following(engine) as (policy, _):
        assert set(policy.destinations) == {good.slug}


def test_an_unloaded_policy_is_infinitely_old(engine):
    assert Feed(engine, Policy(), Vault(["for tests"]), tariff=Tariff(Settings())).age_s == float("inf")


def test_ten_thousand_keys_take_little_memory():
    policy = Policy()
    organisations = [uuid4() for _ in range(100)]
    tracemalloc.start()
    try:
        policy.put_keys(
            KnownKey(
                number.to_bytes(32),
                f"pst_live_{number:08}",
                Grant(
                    uuid4(),
                    organisations[number % 100],
                    "live",
                    scopes=scopes.read([f"sampler/tool-{number % 100}", "clock"]),
                    networks=networks.read([f"10.{number % 100}.0.0/16"]),
                ),
            )
            for number in range(10_000)
        )
        size_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert size_bytes < 6 << 20
