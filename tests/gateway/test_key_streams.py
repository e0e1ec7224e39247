"""What only listens ends with what let it in; a call that is running is left to finish."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import select

from app.core import clock
from app.integrations import services as integrations
from app.integrations.models import Integration
from app.keys import services, terms
from tests.asynchronous import until
from tests.databases import on_one
from tests.gateway.gateways import CALL, RESULT
from tests.gateway.keyed import a_key, bearing, goes_by, said
from tests.gateway.streams import END, HEAD, PROGRESS, event
from tests.gateway.upstreams import Upstream, chunk, silence
from tests.waiting import PATIENCE_S

LISTEN = {"jsonrpc": "2.0", "id": 3, "method": "subscriptions/listen", "params": {}}


def revoke(session, key, now):
    services.revoke(session, key=key, person_id=None, now=now)


def disable(session, key, now):
    services.disable(session, key=key, person_id=None, now=now)


def take_networks(session, key, now):
    to = replace(terms.terms_of(key), networks=("10.0.0.0/8",))
    services.change(session, key=key, to=to, person_id=None, now=now)


def take_scopes(session, key, now):
    services.change(session, key=key, to=replace(terms.terms_of(key), scopes=("clock",)), person_id=None, now=now)


def switch_off(session, key, now):
    integration = session.exec(select(Integration).where(Integration.slug == "sampler")).one()
    integrations.set_enabled(session, integration=integration, is_enabled=False, now=now)


@pytest.fixture
def opened(open_gateway, session, make):
    """`async with opened() as (caller, go_on)`: an integration that answers with a stream, and goes on when told."""

    @asynccontextmanager
    async def opened():
        gate = asyncio.Event()

        async def script(request, reader, writer):
            writer.write(HEAD + chunk(event(PROGRESS)))
            if request.method == "GET" or request.message["method"] != "tools/call":
                await writer.drain()
                await silence(request, reader, writer)
            await gate.wait()
            writer.write(chunk(event(RESULT)) + END)

        async with Upstream(script) as upstream, open_gateway(upstream_url=upstream.url) as caller:
            make.integration("clock", upstream_url=upstream.url)
            session.commit()
            yield caller, gate.set

    return opened


@pytest.mark.parametrize("act", [revoke, disable, take_networks, take_scopes, switch_off])
@on_one
async def test_a_change_of_policy_ends_what_it_would_not_let_in(opened, session, make, now, act):
    async with opened() as (caller, go_on):
        key, secret = a_key(session, make)
        requests = {
            "old": caller.start(method="GET", headers=bearing(secret)),
            "new": caller.start(LISTEN, headers=bearing(secret)),
            "call": caller.start(CALL, headers=bearing(secret)),
            "other": caller.start(method="GET"),
        }
        await until(lambda: all(request.answer.pieces for request in requests.values()))

        act(session, key, now)
        session.commit()

        assert (await requests["old"].finished()).is_complete
        assert (await requests["new"].finished()).is_complete
        assert not requests["call"].answer.is_complete
        go_on()
        assert (await requests["call"].finished()).is_complete
        if act is not switch_off:
            assert not requests["other"].task.done()
            requests["other"].hang_up()
        await requests["other"].finished()


async def test_a_stream_ends_when_its_key_expires(opened, session, make, hands):
    async with opened() as (caller, _):
        key, secret = a_key(session, make, expires_at=clock.now() + timedelta(hours=1))
        hands["wall"] = key.expires_at.timestamp() - 1
        listening = caller.start(method="GET", headers=bearing(secret))
        await until(lambda: listening.answer.pieces)

        goes_by(hands, seconds=2)  # and nothing else happens: nobody announces that a key expires

        assert (await listening.finished()).is_complete
        assert said(await caller.call(method="GET", headers=bearing(secret)))[2] == "expired_key"


async def test_a_change_that_concerns_nobody_ends_nothing(opened, session, make, now):
    async with opened() as (caller, _):
        key, secret = a_key(session, make)
        listening = caller.start(method="GET", headers=bearing(secret))
        await until(lambda: listening.answer.pieces)

        stranger, _ = a_key(session, make)
        revoke(session, stranger, now)
        session.commit()
        policy, feed = caller.gateway.parts.policy, caller.gateway.parts.feed
        await until(lambda: policy.closed)
        await feed.catch_up(timeout_s=PATIENCE_S)

        assert not listening.task.done()
        assert policy.grant_of(key.id)
        listening.hang_up()
        await listening.finished()


async def test_a_stream_that_had_not_begun_is_told_why(open_gateway, session, make, now):
    async with Upstream(silence) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        key, secret = a_key(session, make)
        listening = caller.start(LISTEN, headers=bearing(secret))
        await until(lambda: upstream.requests)

        revoke(session, key, now)
        session.commit()
        got = await listening.finished()

        assert (got.status, got.error["data"]["reason"]) == (503, "ended")
