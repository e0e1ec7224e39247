"""An integration gets the credential that was set for it, no other one does, and no caller's ever travels."""

import json

from sqlmodel import select

from app.core import vault
from app.core.config import Settings
from app.core.vault import Vault
from app.integrations import credentials
from app.integrations.models import Integration
from tests.gateway.gateways import LIST, RESULT
from tests.gateway.upstreams import Upstream, answer, raw
from tests.waiting import PATIENCE_S

BODY = json.dumps(RESULT).encode()
SECRET = "Bearer open sesame"


def put(session, now, *, slug="sampler", header="Authorization", safe=None):
    credentials.put(
        session,
        integration=named(session, slug),
        header=header,
        value=SECRET,
        vault=safe or vault.from_settings(Settings(environment="development")),
        now=now,
    )


def named(session, slug):
    return session.exec(select(Integration).where(Integration.slug == slug)).one()


async def known(caller, session):
    session.commit()
    await caller.gateway.parts.feed.catch_up(timeout_s=PATIENCE_S)


async def test_every_request_to_the_integration_carries_it(session, now, open_gateway):
    async with Upstream(raw(answer(BODY))) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        put(session, now)
        await known(caller, session)

        await caller.call()
        await caller.call(LIST)

        for request in upstream.requests:
            assert [value for name, value in request.headers if name == "authorization"] == [SECRET]
            assert caller.secret not in str(request.headers)


async def test_t5_a_key_never_takes_the_place_of_a_credential(session, now, open_gateway):
    async with Upstream(raw(answer(BODY))) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        put(session, now, header="X-API-Key")
        await known(caller, session)

        await caller.call()

        [request] = upstream.requests
        assert request.header("x-api-key") == SECRET
        assert request.header("authorization") is None


async def test_another_integration_gets_none_of_it(session, make, now, open_gateway):
    async with Upstream(raw(answer(BODY))) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        make.integration("other", upstream_url=upstream.url)
        put(session, now)
        await known(caller, session)

        await caller.call(path="/mcp/other")

        assert SECRET not in str(upstream.requests[0].headers)


async def test_one_that_was_cleared_is_sent_no_more(session, now, open_gateway):
    async with Upstream(raw(answer(BODY))) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        put(session, now)
        await known(caller, session)
        credentials.clear(session, integration=named(session, "sampler"), now=now)
        await known(caller, session)

        await caller.call()

        assert upstream.requests[0].header("authorization") is None


async def test_without_the_key_to_it_nothing_is_sent_at_all(session, now, open_gateway, caplog):
    async with Upstream(raw(answer(BODY))) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        put(session, now, safe=Vault(["a key that this gateway does not have"]))
        await known(caller, session)

        got = await caller.call()

        assert got.status == 404
        assert upstream.requests == []
        assert "policy.credential_unreadable" in caplog.text


async def test_it_is_in_no_log_and_no_picture_of_the_policy(session, now, open_gateway, caplog):
    caplog.set_level("DEBUG")
    async with Upstream(raw(b"nonsense\r\n\r\n")) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        put(session, now)
        await known(caller, session)

        await caller.call()

        assert "sesame" not in caplog.text
        assert "sesame" not in repr(caller.gateway.parts.policy.destinations)
