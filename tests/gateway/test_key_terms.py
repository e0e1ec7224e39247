"""A key's terms at the gateway: until when, from where, and whether it is switched on."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.core import clock
from app.keys import services, terms
from app.organisations import stopping
from app.organisations.models import SUSPENDED
from tests.asynchronous import until
from tests.databases import on_one
from tests.gateway.keyed import a_key, bearing, goes_by, said
from tests.gateway.test_credentials import OK
from tests.gateway.upstreams import Upstream


async def test_an_expired_key_is_refused_from_the_very_moment(open_gateway, session, make, hands):
    async with Upstream(OK) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        key, secret = a_key(session, make, expires_at=clock.now() + timedelta(hours=1))
        hands["wall"] = key.expires_at.timestamp() - 0.001
        assert (await caller.call(headers=bearing(secret))).status == 200

        hands["wall"] = key.expires_at.timestamp()
        got = await caller.call(headers=bearing(secret))

        assert said(got) == (401, -31401, "expired_key")
        assert f"{key.expires_at:%Y-%m-%d at %H:%M} UTC" in got.error["message"]
        assert "http://portal.example/keys" in got.error["message"]
        assert len(upstream.requests) == 1
        [attempt] = await until(lambda: caller.attempts)
        assert (attempt.reason, attempt.key_id) == ("expired_key", key.id)


@on_one
async def test_a_clock_that_is_set_back_revives_no_key(open_gateway, session, make, hands):
    async with Upstream(OK) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        _, secret = a_key(session, make, expires_at=clock.now() + timedelta(hours=1))
        goes_by(hands, hours=2)
        assert said(await caller.call(headers=bearing(secret)))[2] == "expired_key"

        hands["wall"] -= timedelta(hours=12).total_seconds()

        assert said(await caller.call(headers=bearing(secret)))[2] == "expired_key"
        assert (await caller.call()).status == 200  # a key that does not expire is none of this


@on_one
async def test_a_key_expires_on_time_although_the_clock_was_set_back(open_gateway, session, make, hands):
    async with Upstream(OK) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        _, secret = a_key(session, make, expires_at=clock.now() + timedelta(hours=1))
        hands["wall"] -= timedelta(hours=12).total_seconds()
        assert (await caller.call(headers=bearing(secret))).status == 200

        goes_by(hands, minutes=61)

        assert said(await caller.call(headers=bearing(secret)))[2] == "expired_key"


async def test_a_disabled_key_says_so_and_comes_back(open_gateway, session, make, now):
    async with Upstream(OK) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        key, secret = a_key(session, make)
        policy = caller.gateway.parts.policy
        assert (await caller.call(headers=bearing(secret))).status == 200

        services.disable(session, key=key, person_id=None, now=now)
        session.commit()
        await until(lambda: policy.grant_of(key.id) is None)
        got = await caller.call(headers=bearing(secret))
        assert said(got) == (401, -31401, "disabled_key")
        assert "disabled, not revoked" in got.error["message"]
        assert got.header("www-authenticate") == "Bearer"

        services.enable(session, key=key, person_id=None, now=now)
        session.commit()
        await until(lambda: policy.grant_of(key.id))
        assert (await caller.call(headers=bearing(secret))).status == 200


async def test_a_key_that_was_disabled_and_then_revoked_is_revoked(open_gateway, session, make, now):
    key, secret = a_key(session, make, is_enabled=False)
    services.revoke(session, key=key, person_id=None, now=now)
    async with open_gateway() as caller:
        assert said(await caller.call(headers=bearing(secret)))[2] == "revoked_key"


@pytest.mark.parametrize(
    ("networks", "is_let_in"),
    [
        (["192.0.2.7"], True),
        (["192.0.2.0/24", "10.0.0.0/8"], True),
        (["0.0.0.0/0"], True),
        (["::ffff:192.0.2.7"], True),
        (["10.0.0.0/8"], False),
        (["192.0.2.8"], False),
        (["::/0"], False),
    ],
)
@on_one
async def test_a_key_is_used_from_its_networks_alone(open_gateway, session, make, networks, is_let_in):
    async with Upstream(OK) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        _, secret = a_key(session, make, networks=networks)

        got = await caller.call(headers=bearing(secret))

        assert len(upstream.requests) == is_let_in
        if not is_let_in:
            assert said(got) == (401, -31401, "address_not_allowed")
            assert "192.0.2.7" in got.error["message"]  # so that whoever runs a proxy sees what we see
            [attempt] = await until(lambda: caller.attempts)
            assert "192.0.2.7" not in repr(attempt)  # of addresses only a keyed digest is kept


@pytest.mark.parametrize(
    ("hops", "forwarded", "is_let_in"),
    [
        (0, "10.0.0.1", False),  # nobody is believed
        (1, "10.0.0.1", True),
        (1, "10.0.0.1:4711", True),
        (1, "10.0.0.1, 203.0.113.9", False),  # what the caller wrote stands before what the proxy wrote
        (1, "::ffff:10.0.0.1", True),
        (1, "unknown", False),
    ],
)
@on_one
async def test_behind_a_proxy_the_address_is_the_one_that_it_saw(
    open_gateway, session, make, hops, forwarded, is_let_in
):
    async with Upstream(OK) as upstream, open_gateway(upstream_url=upstream.url, proxy_hops=hops) as caller:
        _, secret = a_key(session, make, networks=["10.0.0.0/8"])

        await caller.call(headers=bearing(secret, ("X-Forwarded-For", forwarded)))

        assert len(upstream.requests) == is_let_in


async def test_networks_that_nobody_can_read_are_nowhere_and_break_no_other_key(open_gateway, session, make, caplog):
    async with Upstream(OK) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        broken, secret = a_key(session, make)
        broken.networks = ["an office"]
        session.add(broken)
        _, other = a_key(session, make, networks=["192.0.2.7"])

        assert said(await caller.call(headers=bearing(secret)))[2] == "address_not_allowed"
        assert (await caller.call(headers=bearing(other))).status == 200
        assert "policy.bad_networks" in caplog.text


async def test_a_later_expiry_is_heard_of(open_gateway, session, make, hands):
    async with Upstream(OK) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        key, secret = a_key(session, make, expires_at=clock.now() + timedelta(hours=1))
        goes_by(hands, hours=2)
        assert said(await caller.call(headers=bearing(secret)))[2] == "expired_key"

        to = replace(terms.terms_of(key), expires_at=clock.now() + timedelta(hours=3))
        services.change(session, key=key, to=to, person_id=None, now=clock.now())
        session.commit()
        await until(lambda: caller.gateway.parts.policy.grant_of(key.id).expires_at == to.expires_at.timestamp())

        assert (await caller.call(headers=bearing(secret))).status == 200


async def test_keys_of_a_stopped_organisation_say_so_and_come_back_but_not_the_revoked(
    open_gateway, session, make, now
):
    async with Upstream(OK) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        organisation = make.organisation("Stopped")
        key, secret = a_key(session, make, organisation=organisation)
        gone, gone_secret = a_key(session, make, organisation=organisation)
        services.revoke(session, key=gone, person_id=None, now=now)
        session.commit()
        policy = caller.gateway.parts.policy
        await until(lambda: policy.grant_of(key.id) and policy.grant_of(gone.id) is None)

        stopping.stop(session, organisation=organisation, why=SUSPENDED, words="Odd.", person_id=None, now=now)
        session.commit()
        await until(lambda: policy.grant_of(key.id) is None)
        got = await caller.call(headers=bearing(secret))
        assert said(got) == (403, -31403, "organisation_stopped")
        assert "The organisation is stopped" in got.error["message"]
        assert said(await caller.call(headers=bearing(gone_secret)))[2] == "revoked_key"

        stopping.resume(session, organisation=organisation, why=SUSPENDED, person_id=None, now=now)
        session.commit()
        await until(lambda: policy.grant_of(key.id))
        assert (await caller.call(headers=bearing(secret))).status == 200
        assert said(await caller.call(headers=bearing(gone_secret)))[2] == "revoked_key"
