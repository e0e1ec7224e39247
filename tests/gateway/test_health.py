import asyncio

import pytest

from app.core import changes
from tests.databases import at_revision
from tests.gateway.gateways import LIST
from tests.gateway.test_credentials import failing
from tests.gateway.upstreams import Upstream, answer, raw
from tests.waiting import PATIENCE_S


async def get(caller, path):
    return await caller.call(method="GET", path=path, headers=[])


async def test_a_process_that_runs_is_healthy(open_sqlite_gateway):
    async with open_sqlite_gateway() as caller:
        assert (await get(caller, "/healthz")).json == {"status": "ok"}


async def test_a_gateway_with_all_it_needs_is_ready(open_gateway):
    async with open_gateway() as caller:
        got = await get(caller, "/readyz")

        assert (got.status, got.json["status"]) == (200, "ready")
        assert set(got.json["checks"]) == {"database", "policy", "ledger"}


async def test_an_unmigrated_database_is_not_ready(open_gateway, engine):
    async with open_gateway() as caller:
        with at_revision(engine, "older"):
            got = await get(caller, "/readyz")

        assert got.status == 503
        assert "migrate" in got.json["checks"]["database"]


async def test_an_old_policy_is_not_ready(open_sqlite_gateway, monkeypatch):
    async with open_sqlite_gateway() as caller:
        monkeypatch.setattr(changes, "newest", failing)
        await caller.policy_gets_old()

        got = await get(caller, "/readyz")

        assert got.status == 503
        assert got.json["checks"]["policy"]
        assert (await get(caller, "/healthz")).status == 200


async def test_a_database_that_hangs_is_noticed_in_time(open_sqlite_gateway, monkeypatch):
    monkeypatch.setattr("app.gateway.health.TIMEOUT_S", 0.1)
    async with open_sqlite_gateway() as caller:
        loop, gate = asyncio.get_running_loop(), asyncio.Event()
        looks = []

        def hangs():
            looks.append(1)
            asyncio.run_coroutine_threadsafe(gate.wait(), loop).result()
            return ""

        monkeypatch.setattr(caller.gateway.parts.health, "_look", hangs)
        answers = await asyncio.gather(*[get(caller, "/readyz") for _ in range(20)])
        gate.set()

        assert all("does not answer in time" in got.json["notes"]["database"] for got in answers)
        assert len(looks) == 1


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_health_is_only_read(open_sqlite_gateway, path):
    async with open_sqlite_gateway() as caller:
        assert (await caller.call(path=path)).status == 404


async def test_figures_tell_calls_refusals_and_commits(open_sqlite_gateway):
    async with (
        Upstream(raw(answer(b'{"jsonrpc":"2.0","id":7,"result":{}}'))) as upstream,
        open_sqlite_gateway(upstream_url=upstream.url) as caller,
    ):
        await asyncio.gather(*[caller.call() for _ in range(5)])
        await caller.call(LIST)
        await caller.call(headers=[])
        await caller.call(path="/mcp/made-up-by-a-caller")

        registry = caller.gateway.parts.metrics.registry
        read = registry.get_sample_value
        assert read("postern_gateway_calls_total", {"integration": "sampler", "status": "ok"}) == 5
        assert read("postern_gateway_call_seconds_count", {"integration": "sampler"}) == 5
        assert read("postern_gateway_free_requests_total", {"integration": "sampler", "status": "2xx"}) == 1
        assert read("postern_gateway_refusals_total", {"reason": "no_key"}) == 1
        assert read("postern_gateway_refusals_total", {"reason": "unknown_integration"}) == 1
        assert read("postern_ledger_commit_events_sum") == 5
        assert read("postern_gateway_in_flight") == 0
        assert read("postern_ledger_under_way") == 0
        assert 0 <= read("postern_gateway_policy_age_seconds") < PATIENCE_S
        labels = {
            value for metric in registry.collect() for sample in metric.samples for value in sample.labels.values()
        }
        assert "made-up-by-a-caller" not in labels
