"""What a key reaches, at the gateway. The attack is T17: a credential that does more than it was given for."""

from contextlib import asynccontextmanager

import pytest
from sqlmodel import select

from app.core import changes
from app.gateway import authority
from app.gateway.policy import Policy
from app.integrations.models import Installation, Integration
from tests.asynchronous import until
from tests.databases import on_one
from tests.gateway.gateways import CALL, LIST
from tests.gateway.keyed import a_key, bearing, said
from tests.gateway.test_credentials import OK
from tests.gateway.upstreams import Upstream


def calling(tool):
    return {**CALL, "params": {"name": tool, "arguments": {}}}


def asking(method, **params):
    return {"jsonrpc": "2.0", "id": 5, "method": method, "params": params}


@pytest.fixture
def opened(open_gateway, make, session):
    """`async with opened() as (upstream, caller)`: integrations “sampler”, to call, and “clock”."""

    @asynccontextmanager
    async def opened():
        async with Upstream(OK) as upstream, open_gateway(upstream_url=upstream.url) as caller:
            make.integration("clock", upstream_url=upstream.url)
            session.commit()
            yield upstream, caller

    return opened


async def test_t17_a_key_for_one_tool_calls_that_tool_and_no_other(opened, session, make):
    async with opened() as (upstream, caller):
        key, secret = a_key(session, make, scopes=["sampler/greet"])

        allowed = await caller.call(calling("greet"), headers=bearing(secret))
        refused = await caller.call(calling("slow"), headers=bearing(secret))

        assert "result" in allowed.json
        assert said(refused) == (200, -31403, "tool_not_allowed")
        assert "the scope “sampler/slow”" in refused.error["message"]
        assert "http://portal.example/keys" in refused.error["message"]
        assert refused.json["id"] == CALL["id"]
        assert [request.message["params"]["name"] for request in upstream.requests] == ["greet"]
        assert [event.tool for event in caller.events] == ["greet"]
        [attempt] = await until(lambda: caller.attempts)
        assert (attempt.reason, attempt.key_id, attempt.tool) == ("tool_not_allowed", key.id, "slow")


@pytest.mark.parametrize("tool", ["greet ", "Greet", "greet/", "sampler/greet", "gree", "*", "greet\n"])
@on_one
async def test_t17_what_only_looks_like_a_permitted_tool_is_refused(opened, session, make, tool):
    async with opened() as (upstream, caller):
        _, secret = a_key(session, make, scopes=["sampler/greet"])

        got = await caller.call(calling(tool), headers=bearing(secret))

        assert said(got) == (200, -31403, "tool_not_allowed")
        assert upstream.requests == []


@pytest.mark.parametrize(
    ("message", "scope"),
    [
        (calling("greet"), "sampler/greet"),
        (LIST, "sampler"),
        (asking("tools/list"), "sampler"),
        (asking("initialize", protocolVersion="2025-06-18"), "sampler"),
        (asking("ping"), "sampler"),
    ],
    ids=lambda value: value["method"] if isinstance(value, dict) else "",
)
@on_one
async def test_t17_a_key_for_another_integration_is_told_which_scope_is_missing(opened, session, make, message, scope):
    async with opened() as (upstream, caller):
        _, secret = a_key(session, make, scopes=["clock"])

        got = await caller.call(message, headers=bearing(secret))

        assert said(got) == (200, -31403, "integration_not_allowed")  # 403 would lose the words in clients
        assert f"needs the scope “{scope}”" in got.error["message"]
        assert upstream.requests == []


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@on_one
async def test_t17_nor_does_such_a_key_open_or_end_a_stream(opened, session, make, method):
    async with opened() as (upstream, caller):
        _, secret = a_key(session, make, scopes=["clock"])

        got = await caller.call(method=method, headers=bearing(secret))

        assert said(got) == (403, -31403, "integration_not_allowed")
        assert upstream.requests == []


async def test_t17_a_notification_that_is_out_of_reach_is_refused_too(opened, session, make):
    async with opened() as (upstream, caller):
        _, secret = a_key(session, make, scopes=["clock"])

        got = await caller.call({"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=bearing(secret))

        assert said(got) == (403, -31403, "integration_not_allowed")
        assert upstream.requests == []


@pytest.mark.parametrize(
    "method",
    [
        "prompts/list",
        "prompts/get",
        "resources/read",
        "completion/complete",
        "tasks/list",
        "subscriptions/listen",
        "x/y",
    ],
)
@on_one
async def test_t17_a_key_for_tools_reaches_nothing_else_of_the_integration(opened, session, make, method):
    async with opened() as (upstream, caller):
        _, secret = a_key(session, make, scopes=["sampler/greet"])

        got = await caller.call(asking(method), headers=bearing(secret))

        assert said(got) == (200, -31403, "integration_not_allowed")
        assert f"“{method}” of “Sampler” needs the scope “sampler”" in got.error["message"]
        assert upstream.requests == []


@pytest.mark.parametrize("method", ["initialize", "ping", "logging/setLevel", "tasks/get", "notifications/cancelled"])
@on_one
async def test_a_key_for_tools_may_do_what_calling_them_takes(opened, session, make, method):
    async with opened() as (upstream, caller):
        _, secret = a_key(session, make, scopes=["sampler/greet"])

        got = await caller.call(asking(method), headers=bearing(secret))

        assert "error" not in got.json
        assert len(upstream.requests) == 1


async def test_a_key_for_an_integration_reaches_all_of_it(opened, session, make):
    async with opened() as (_, caller):
        _, secret = a_key(session, make, scopes=["sampler"])

        for message in (calling("greet"), calling("slow"), LIST, asking("resources/read", uri="x:y")):
            assert "result" in (await caller.call(message, headers=bearing(secret))).json


async def test_a_key_pasted_as_a_tool_is_not_said_again(opened, session, make):
    async with opened() as (_, caller):
        _, secret = a_key(session, make, scopes=["sampler/greet"])

        got = await caller.call(calling(secret), headers=bearing(secret))

        assert said(got)[2] == "tool_not_allowed"
        assert secret[9:] not in got.body.decode()


async def test_what_an_organisation_has_not_installed_does_not_exist_for_it(open_gateway, session, make, now):
    async with Upstream(OK) as upstream, open_gateway(upstream_url=upstream.url) as caller:
        session.exec(select(Integration)).one().is_open = False
        private = session.exec(select(Integration)).one()
        changes.record(session, kind="integration", subject_id=private.id, now=now)
        session.commit()
        await until(lambda: not caller.gateway.parts.policy.destinations["sampler"].route.is_open)
        acme = make.organisation()
        key, secret = a_key(session, make, organisation=acme)

        hidden = await caller.call(headers=bearing(secret))
        nowhere = await caller.call(path="/mcp/nowhere", headers=bearing(secret))
        assert said(hidden) == said(nowhere) == (404, -31404, "unknown_integration")
        assert hidden.error["message"].replace("sampler", "nowhere") == nowhere.error["message"]

        session.add(Installation(organisation_id=acme.id, integration_id=private.id, installed_at=now))
        changes.record(session, kind="installation", subject_id=acme.id, now=now)
        session.commit()
        assert "result" in (await caller.call(headers=bearing(secret))).json  # with the first call after it
        assert (await caller.call()).status == 404  # the first key is of another organisation

        session.delete(session.exec(select(Installation)).one())
        changes.record(session, kind="installation", subject_id=acme.id, now=now)
        session.commit()
        await until(lambda: key.organisation_id not in caller.gateway.parts.policy.installed)
        assert said(await caller.call(headers=bearing(secret)))[0] == 404


async def test_the_name_of_a_private_integration_that_is_off_is_not_told(open_gateway, session, make, now):
    async with open_gateway() as caller:
        make.integration("secret-project", is_enabled=False).is_open = False
        session.commit()

        got = await caller.call(path="/mcp/secret-project")

        assert said(got) == (404, -31404, "unknown_integration")
        assert "switched off" not in got.error["message"]


async def test_a_grants_reach_is_listed(opened, session, make):
    async with opened() as (_, caller):
        make.integration("asleep", is_enabled=False)
        narrow, _ = a_key(session, make, scopes=["sampler/greet", "asleep"])
        wide, _ = a_key(session, make)
        policy: Policy = caller.gateway.parts.policy
        await until(lambda: policy.grant_of(wide.id) and "asleep" in policy.destinations)

        def slugs(key):
            return [one.route.slug for one in authority.reachable(policy, policy.grant_of(key.id))]

        assert slugs(wide) == ["clock", "sampler"]
        assert slugs(narrow) == ["sampler"]
