"""Promises that only a real process can be held to."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections import Counter

import pytest
from sqlmodel import Session, select

from app.core.config import ROOT
from app.gateway.server import serving
from app.keys import services
from app.metering.models import UsageEvent, UsageHour
from tests.asynchronous import until
from tests.databases import on_one
from tests.gateway.gateways import CALL, LIST, RESULT
from tests.gateway.processes import Connection, Load, call, gateway_process, gateway_processes
from tests.gateway.upstreams import Upstream, answer
from tests.ports import free_port
from tests.waiting import PATIENCE_S

BODY = json.dumps(RESULT).encode()


async def soon(request, reader, writer):
    await asyncio.sleep(0.002)
    writer.write(answer(BODY))


@pytest.fixture
def prepared(session, make):
    """What a gateway needs, committed: gives the key, its secret, and a function that adds the integration."""
    secrets = []
    key = make.key(secret=secrets)

    def add(upstream):
        make.integration("sampler", upstream_url=upstream.url)
        session.commit()

    return key, secrets[0], add


def ledger_of(engine):
    with Session(engine) as session:
        events = list(session.exec(select(UsageEvent)))
        hours = list(session.exec(select(UsageHour)))
    return events, sum(hour.calls for hour in hours), sum(hour.units for hour in hours)


async def test_kill_9_in_the_middle_of_a_thousand_calls_loses_and_doubles_nothing(
    engine, database_url, prepared, tmp_path
):
    _, secret, add = prepared
    async with Upstream(soon) as upstream:
        add(upstream)
        with gateway_process(database_url, tmp_path) as gateway:
            load = Load(gateway.port, secret)
            running = asyncio.create_task(load.run())
            await until(lambda: len(load.answered) > 300)
            gateway.process.kill()
            await running
            gateway.process.wait(PATIENCE_S)

        events, calls, units = ledger_of(engine)
        recorded = {event.id for event in events}
        assert 300 < len(load.answered) < 1_000
        assert load.broken > 0
        assert set(load.answered) <= recorded
        assert len(set(load.answered)) == len(load.answered)
        assert max(Counter(event.request_id for event in events).values()) == 1
        assert (calls, units) == (len(events), sum(event.units for event in events))
        assert len(events) - len(load.answered) <= load.callers

        with gateway_process(database_url, tmp_path) as gateway:
            assert (await call(gateway, secret)).status == 200


@on_one
async def test_stopping_lets_every_call_finish(engine, database_url, prepared, tmp_path):
    _, secret, add = prepared
    async with Upstream(soon) as upstream:
        add(upstream)
        with gateway_process(database_url, tmp_path) as gateway:
            load = Load(gateway.port, secret, callers=16)
            running = asyncio.create_task(load.run())
            await until(lambda: len(load.answered) > 100)
            asked = len(upstream.requests)
            gateway.terminate()
            await running
            await asyncio.to_thread(gateway.process.wait, serving.DRAIN_S / 2)  # so not for want of time

            assert asked > 0

        events, calls, _ = ledger_of(engine)
        assert {event.id for event in events} == set(load.answered)
        assert {event.status for event in events} == {"ok"}
        assert calls == len(upstream.requests) == len(load.answered)


@on_one
async def test_keys_start_and_stop_while_it_runs(engine, session, make, database_url, prepared, tmp_path, now):
    _, secret, add = prepared
    async with Upstream(soon) as upstream:
        add(upstream)
        with gateway_process(database_url, tmp_path) as gateway:
            secrets = []
            fresh = make.key(secret=secrets)
            session.commit()
            connection = Connection(gateway.port, secrets[0])
            while (got := await connection.call(LIST)).status == 503:
                pass  # the database took longer than a caller waits; nothing else keeps a new key waiting
            assert got.status == 200

            services.revoke(session, key=fresh, person_id=None, now=now)
            session.commit()
            async with asyncio.timeout(PATIENCE_S):
                while (got := await connection.call(LIST)).status == 200:
                    pass

            assert got.json["error"]["data"]["reason"] == "revoked_key"
            assert (await call(gateway, secret, LIST)).status == 200
            await connection.close()


@on_one
async def test_logs_are_json_with_the_requests_id_and_without_secrets(database_url, prepared, tmp_path):
    _, secret, add = prepared

    async def breaks(request, reader, writer):
        writer.close()

    async with Upstream(breaks) as upstream:
        add(upstream)
        with gateway_process(database_url, tmp_path, log_level="DEBUG") as gateway:
            failed = await call(gateway, secret)
            await call(gateway, secret[:-2])
            gateway.terminate()
            await asyncio.to_thread(gateway.process.wait, PATIENCE_S)

        text = gateway.log.read_text()
        lines = [json.loads(line) for line in text.splitlines()]
        told = next(line for line in lines if line["event"] == "call.failed")
        assert told["request_id"] == failed.headers["postern-request-id"]
        assert told["receipt"] == failed.headers["postern-receipt"].partition(".")[0]
        assert secret[:20] not in text
        assert "Ada" not in text
        assert [line for line in lines if line["level"] == "error"] == []


@on_one
async def test_figures_are_on_a_port_of_their_own(database_url, prepared, tmp_path):
    _, secret, add = prepared
    async with Upstream(soon) as upstream:
        add(upstream)
        with gateway_process(database_url, tmp_path) as gateway:
            await call(gateway, secret)

            figures = await asyncio.to_thread(gateway.read, "/metrics", port=gateway.metrics_port)

            assert 'postern_gateway_calls_total{integration="sampler",status="ok"} 1.0' in figures
            assert "process_resident_memory_bytes" in figures


@pytest.mark.parametrize("taken", ["gateway_port", "gateway_metrics_port"])
def test_a_taken_port_is_said_in_one_line(taken, sqlite_engine):
    gateway_port, metrics_port = free_port(), free_port()
    ports = {"gateway_port": gateway_port, "gateway_metrics_port": metrics_port}
    with socket.create_server(("127.0.0.1", 0)) as holder:
        ports[taken] = holder.getsockname()[1]
        environment = {f"POSTERN_{name.upper()}": str(port) for name, port in ports.items()}
        environment["POSTERN_DATABASE_URL"] = str(sqlite_engine.url)
        result = subprocess.run(
            [sys.executable, "-m", "app.gateway"],
            cwd=ROOT,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    assert result.returncode == 2
    assert f"POSTERN_{taken.upper()}" in result.stderr
    assert "Traceback" not in result.stderr


async def test_several_processes_share_one_ledger(engine, database_url, prepared, tmp_path):
    _, secret, add = prepared
    async with Upstream(soon) as upstream:
        add(upstream)
        with gateway_processes(database_url, tmp_path, 2) as [first, second]:
            loads = [Load(gateway.port, secret, callers=8, calls=150) for gateway in (first, second)]
            await asyncio.gather(*[load.run() for load in loads])

        events, calls, units = ledger_of(engine)
        assert sum(len(load.answered) for load in loads) == len(events) == calls == units == 300
        assert CALL["params"]["name"] == events[0].tool
