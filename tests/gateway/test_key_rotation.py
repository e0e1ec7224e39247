"""A key that was given a new secret: which of its secrets opens the gateway, until when, and who uses them."""

from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from app.core import clock, crypto
from app.keys import rotation, seen, services
from app.keys.models import Key
from app.keys.rotation import NOW, Overlap
from app.keys.seen_models import KeySighting, SecretUse
from app.metering import notebook
from tests.asynchronous import until
from tests.databases import on_one
from tests.gateway.gateways import CALL, LIST
from tests.gateway.keyed import a_key, bearing, goes_by, said
from tests.gateway.test_credentials import OK
from tests.gateway.upstreams import Upstream


def rotate(session, key, overlap=NOW):
    """The new secret; committed."""
    issued = rotation.rotate(session, key=key, overlap=overlap, brand="pst", person_id=None, now=clock.now())
    session.commit()
    return issued.secret


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(notebook, "USES_EVERY_S", 0.01)


async def test_both_secrets_open_the_same_key_until_the_old_one_retires(open_gateway, session, make, hands):
    async with Upstream(OK) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        key, old = a_key(session, make)
        policy = caller.gateway.parts.policy
        assert (await caller.call(headers=bearing(old))).status == 200

        new = rotate(session, key, Overlap(hours=1))
        assert (await caller.call(headers=bearing(new))).status == 200
        assert (await caller.call(headers=bearing(old))).status == 200
        grants = [policy.live[bytes.fromhex(crypto.digest(secret))] for secret in (old, new)]
        assert {(one.key_id, one.organisation_id) for one in grants} == {(key.id, key.organisation_id)}

        goes_by(hands, minutes=61)  # and nothing else happens: gateways retire it by themselves
        refused = await caller.call(headers=bearing(old))

        assert said(refused) == (401, -31401, "retired_key")
        assert "another secret by now" in refused.error["message"]
        assert (await caller.call(headers=bearing(new))).status == 200
        attempt = await until(lambda: next(iter(caller.attempts), None))
        assert (attempt.reason, attempt.key_id, attempt.key_hint) == ("retired_key", key.id, old[:17])


async def test_without_overlap_and_when_ended_early_an_old_secret_stops_at_once(open_gateway, session, make):
    async with Upstream(OK) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        key, first = a_key(session, make)
        policy = caller.gateway.parts.policy
        second = rotate(session, key, Overlap(hours=24))
        assert (await caller.call(headers=bearing(second))).status == 200

        [earlier] = rotation.working_secrets(session, key, now=clock.now())
        rotation.end_overlap(session, key=key, secret=earlier, person_id=None, now=clock.now())
        session.commit()
        await until(lambda: len(policy.closed) == 1)
        assert said(await caller.call(headers=bearing(first)))[2] == "retired_key"

        third = rotate(session, key, NOW)
        assert (await caller.call(headers=bearing(third))).status == 200
        assert said(await caller.call(headers=bearing(second)))[2] == "retired_key"

        services.revoke(session, key=key, person_id=None, now=clock.now())
        session.commit()
        await until(lambda: not policy.grant_of(key.id))
        for secret in (first, second, third):
            assert said(await caller.call(headers=bearing(secret)))[2] == "revoked_key"


@on_one
async def test_what_a_replica_loads_later_is_the_same(open_gateway, session, make):
    key, first = a_key(session, make)
    second = rotate(session, key, Overlap(quiet_hours=1))
    third = rotate(session, key, Overlap(hours=1))
    rotation.end_overlap(
        session,
        key=key,
        secret=rotation.working_secrets(session, key, now=clock.now())[1],
        person_id=None,
        now=clock.now(),
    )
    session.commit()

    async with Upstream(OK) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        assert said(await caller.call(headers=bearing(first)))[2] == "retired_key"
        assert (await caller.call(headers=bearing(second))).status == 200
        assert (await caller.call(headers=bearing(third))).status == 200


async def test_uses_are_counted_for_each_secret_with_address_and_client(open_gateway, session, make):
    async with Upstream(OK) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        key, old = a_key(session, make)
        new = rotate(session, key, Overlap(quiet_hours=6))
        for _ in range(3):
            await caller.call(CALL, headers=bearing(old, ("User-Agent", "curl/8.5")))
        await caller.call(LIST, headers=bearing(old, ("User-Agent", "curl/8.5")))
        await caller.call(CALL, headers=bearing(new, ("User-Agent", "agent " + new + " " + "x" * 100)))

        today = clock.now().date()
        by_secret = await until(lambda: _settled(session, key, today))
        was, is_now = by_secret[seen.secret_id(crypto.digest(old))], by_secret[seen.secret_id(crypto.digest(new))]
        assert (was.calls, was.client, was.address) == (3, "curl/8.5", "192.0.2.7")
        assert is_now.calls == 1
        assert new not in is_now.client
        assert len(is_now.client) == 80

        sightings = session.exec(select(KeySighting).where(KeySighting.key_id == key.id)).all()
        assert {(one.address, one.client) for one in sightings} == {
            ("192.0.2.7", "curl/8.5"),
            ("192.0.2.7", is_now.client),
        }
        session.expire_all()
        found = session.get(Key, key.id)
        assert (found.last_address, found.last_client) == ("192.0.2.7", is_now.client)
        assert abs(found.last_used_at - clock.now()) < timedelta(minutes=1)


@on_one
async def test_an_address_is_one_whatever_port_it_called_from(open_gateway, session, make):
    async with Upstream(OK) as upstream, open_gateway(upstream_url=upstream.url, proxy_hops=1) as caller:
        key, secret = a_key(session, make)
        for said_by_proxy in ("203.0.113.7:4711", "203.0.113.7:4712", "::ffff:203.0.113.7", "[2001:db8::1]:80"):
            await caller.call(CALL, headers=bearing(secret, ("X-Forwarded-For", said_by_proxy)))

        def seen_at():
            session.rollback()
            return {one.address for one in session.exec(select(KeySighting).where(KeySighting.key_id == key.id))}

        await until(lambda: len(seen_at()) > 1)
        assert seen_at() == {"203.0.113.7", "2001:db8::1"}


@on_one
async def test_uses_wait_for_the_database_and_are_not_lost(open_gateway, session, make, monkeypatch):
    async with Upstream(OK) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        key, secret = a_key(session, make)
        uses = caller.gateway.parts.notebook.uses
        write = uses._write
        monkeypatch.setattr(uses, "_write", _away)
        for _ in range(4):
            assert (await caller.call(CALL, headers=bearing(secret))).status == 200

        monkeypatch.setattr(uses, "_write", write)

        def counted():
            session.rollback()
            return sum(use.calls for use in session.exec(select(SecretUse).where(SecretUse.key_id == key.id)))

        await until(lambda: counted() == 4)


def _away(engine, counted):
    raise OperationalError("no", {}, Exception("the database is away"))


def _settled(session, key, today):
    """Uses of both secrets, once all four are written."""
    session.rollback()
    found = seen.uses_of(session, key.id, on=today)
    return found if sum(use.calls for use in found.values()) == 4 and len(found) == 2 else None
