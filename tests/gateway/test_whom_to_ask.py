"""Refusals name who can change what stands in the way, and what page shows it."""

import pytest

from tests.gateway.keyed import a_key, bearing
from tests.gateway.limiting import limit
from tests.gateway.test_credentials import OK
from tests.gateway.upstreams import Upstream

CONTACT = "gateway-team@example.com"
ASKED = f"hoever runs this gateway ({CONTACT})"


@pytest.mark.parametrize("scopes", [["sampler/slow"], ["other"]], ids=["tool", "integration"])
async def test_a_missing_scope_sends_to_the_page_that_shows_it_and_to_who_can_add_it(
    open_gateway, session, make, scopes
):
    make.integration("other")
    async with (
        Upstream(OK) as upstream,
        open_gateway(upstream_url=upstream.url, support_contact=CONTACT) as caller,
    ):
        _, secret = a_key(session, make, scopes=scopes)
        got = await caller.call(headers=bearing(secret))

        assert f"http://portal.example/keys shows what it reaches. W{ASKED} can add the scope" in got.error["message"]


async def test_a_limit_says_who_can_raise_it(open_sqlite_gateway):
    async with (
        Upstream(OK) as upstream,
        open_sqlite_gateway(upstream_url=upstream.url, support_contact=CONTACT) as caller,
    ):
        await limit(caller, "calls", "0/month")
        got = await caller.call()

        words = f"W{ASKED} can raise this limit; http://portal.example/usage shows what was used."
        assert got.error["message"].endswith(words)


async def test_a_network_that_is_not_allowed_says_who_can_allow_it(open_sqlite_gateway, sqlite_engine, now):
    from sqlmodel import Session

    from tests.factories import Factory

    with Session(sqlite_engine) as session:
        _, secret = a_key(session, Factory(session, now), networks=["198.51.100.0/24"])
    async with open_sqlite_gateway(support_contact=CONTACT) as caller:
        got = await caller.call(headers=bearing(secret))

        assert got.status == 401
        assert f"or ask w{ASKED} to change them" in got.error["message"]
