"""Refused tries are kept for the page “Your first call”, for whoever they belong to."""

import json

import pytest

from app.core import crypto
from app.keys import services, tokens
from app.metering import notebook
from tests.asynchronous import until
from tests.gateway.gateways import CALL
from tests.gateway.test_credentials import bearing

UNKNOWN = "pst_live_" + "b" * 30 + tokens.checksum("b" * 30)


def digest_of(address):
    return crypto.keyed_digest("for development only", "address", address)


@pytest.mark.parametrize(
    ("headers", "reason", "is_known"),
    [
        (lambda secret: bearing(f"Bearer {secret[:-4]}"), "incomplete_key", True),
        (lambda secret: bearing(f"Bearer {secret[:-1]}!"), "incomplete_key", True),
        (bearing, "not_a_key", True),
        (lambda secret: bearing(f"Bearer {UNKNOWN}"), "unknown_key", False),
        (lambda secret: [("Content-Type", "application/json")], "no_key", False),
        (lambda secret: [("Authorization", f"Bearer {secret}"), ("Content-Type", "text/plain")], "malformed", True),
    ],
    ids=["cut short", "mistyped", "without Bearer", "unknown", "none", "wrong type"],
)
async def test_a_refused_try_is_kept_with_whose_it_was(open_gateway, headers, reason, is_known):
    async with open_gateway() as caller:
        got = await caller.call(headers=headers(caller.secret))

        [attempt] = await until(lambda: caller.attempts)
        assert attempt.id == got.header("postern-request-id")
        assert (attempt.reason, attempt.http_status, attempt.path) == (reason, got.status, "/mcp/sampler")
        assert (attempt.method, attempt.tool) == ("tools/call", "greet")
        assert (attempt.organisation_id is not None) is is_known
        assert attempt.address_digest == digest_of("192.0.2.7")
        assert caller.secret[:20] not in repr(attempt)
        if is_known:
            assert attempt.key_hint == caller.secret[: len(attempt.key_hint)]


async def test_a_revoked_key_is_its_owners_try(open_gateway, session, make, now):
    secrets = []
    key = make.key(secret=secrets)
    services.revoke(session, key=key, person_id=None, now=now)
    async with open_gateway() as caller:
        await caller.call(headers=bearing(f"Bearer {secrets[0]}"))

        [attempt] = await until(lambda: caller.attempts)
        assert (attempt.reason, attempt.key_id, attempt.organisation_id) == (
            "revoked_key",
            key.id,
            key.organisation_id,
        )


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/mcp/nowhere", "unknown_integration"), ("/sampler/mcp", "wrong_path"), ("/mcps", "wrong_path")],
)
async def test_a_wrong_address_is_kept_too(open_sqlite_gateway, path, reason):
    async with open_sqlite_gateway() as caller:
        await caller.call(path=path)

        [attempt] = await until(lambda: caller.attempts)
        assert (attempt.reason, attempt.path) == (reason, path)
        assert attempt.organisation_id is not None


async def test_what_callers_write_fits_into_the_columns(open_gateway):
    message = {**CALL, "id": 1.5, "params": {"name": "t\0" + "x" * 500}}
    async with open_gateway() as caller:
        await caller.call(message, path="/mcp/" + "y\0" * 300)
        await caller.call(message)

        for attempt in await until(lambda: len(caller.attempts) == 2 and caller.attempts):
            assert len(attempt.path) <= 200
            assert "\0" not in attempt.path + attempt.tool
            assert len(attempt.tool) <= 128


async def test_a_flood_of_refusals_is_counted_and_only_partly_kept_one_by_one(open_sqlite_gateway, monkeypatch):
    monkeypatch.setattr(notebook, "monotonic", lambda: 0.0)  # the flood takes no time, however long it takes
    async with open_sqlite_gateway() as caller:
        for _ in range(300):
            assert (await caller.call(headers=[])).status == 401

        registry = caller.gateway.parts.metrics.registry
        assert registry.get_sample_value("postern_gateway_attempts_dropped_total") == 0
        assert registry.get_sample_value("postern_gateway_refusals_total", {"reason": "no_key"}) == 300
        await until(lambda: len(caller.attempts) == notebook.PER_SECOND)


@pytest.mark.parametrize(
    ("hops", "forwarded", "expected"),
    [
        (0, ["203.0.113.1"], "192.0.2.7"),
        (1, ["203.0.113.1"], "203.0.113.1"),
        (1, ["1.1.1.1, 203.0.113.1"], "203.0.113.1"),
        (2, ["1.1.1.1, 203.0.113.1, 10.0.0.1"], "203.0.113.1"),
        (2, ["1.1.1.1, 203.0.113.1", "10.0.0.1"], "203.0.113.1"),
        (2, ["203.0.113.1"], "192.0.2.7"),
        (1, [], "192.0.2.7"),
        (1, [""], "192.0.2.7"),
    ],
)
async def test_the_callers_address_is_believed_as_far_as_configured(open_sqlite_gateway, hops, forwarded, expected):
    async with open_sqlite_gateway(proxy_hops=hops) as caller:
        await caller.call(headers=[("X-Forwarded-For", value) for value in forwarded])

        [attempt] = await until(lambda: caller.attempts)
        assert attempt.address_digest == digest_of(expected)


async def test_a_refusal_before_the_body_still_names_the_request(open_sqlite_gateway):
    body = json.dumps({**CALL, "id": "abc"}).encode()
    async with open_sqlite_gateway() as caller:
        got = await caller.call(headers=[], body=body)

        assert got.json["id"] == "abc"


@pytest.mark.parametrize("path", ["/{key}/mcp/sampler", "/mcp/{key}", "/mcp/sampler/{key}"])
async def test_a_key_in_the_path_is_refused_and_kept_nowhere(open_gateway, path):
    async with open_gateway() as caller:
        got = await caller.call(path=path.format(key=caller.secret))

        [attempt] = await until(lambda: caller.attempts)
        assert (got.status, attempt.reason) == (400, "key_in_address")
        assert caller.secret[9:] not in repr(attempt) + got.body.decode()


async def test_a_key_in_place_of_a_tool_is_kept_nowhere(open_gateway):
    async with open_gateway() as caller:
        await caller.call({**CALL, "params": {"name": caller.secret}})

        [attempt] = await until(lambda: caller.attempts)
        assert attempt.tool == "pst_live_…"
        assert caller.secret[9:] not in repr(attempt)
