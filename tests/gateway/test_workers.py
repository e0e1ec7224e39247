"""Several gateways on one port: calls are shared, the dead are replaced, and all of them end with their parent."""

import asyncio
import json
import os
import signal
import socket
from contextlib import contextmanager, suppress

import psutil
import pytest

from tests.asynchronous import until
from tests.databases import on_both, on_one
from tests.gateway.gateways import RESULT
from tests.gateway.processes import Load, call, gateway_process
from tests.gateway.upstreams import Upstream, answer, raw
from tests.ports import free_base_port
from tests.waiting import PATIENCE_S, eventually

pytestmark = on_one


OK = raw(answer(json.dumps(RESULT).encode()))


@contextmanager
def two_gateways(database_url, folder):
    """The parent, and the port of the first one's figures."""
    metrics_port = free_base_port(2)
    with gateway_process(database_url, folder, gateway_workers=2, gateway_metrics_port=metrics_port) as parent:
        eventually(lambda: all(figures(parent, metrics_port + worker) for worker in range(2)))
        try:
            yield parent, metrics_port
        finally:
            for worker in workers_of(parent):
                worker.kill()


def workers_of(parent):
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(parent.process.pid).children()
    return []


def figures(parent, port):
    return parent.read("/metrics", port=port)


def calls_in(text):
    lines = [line for line in text.splitlines() if line.startswith("postern_gateway_calls_total{")]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


@pytest.fixture
def secret_of(session, make):
    """The secret of a key, once there is an integration at the upstream it is given."""

    def add(upstream):
        secrets = []
        make.key(secret=secrets)
        make.integration("sampler", upstream_url=upstream.url)
        session.commit()
        return secrets[0]

    return add


@on_both
async def test_workers_share_the_calls_and_each_has_figures_of_its_own(database_url, secret_of, tmp_path):
    async with Upstream(OK) as upstream:
        secret = secret_of(upstream)
        with two_gateways(database_url, tmp_path) as (parent, metrics_port):
            load = Load(parent.port, secret, callers=40, calls=200)
            await load.run()

            each = [calls_in(await asyncio.to_thread(figures, parent, metrics_port + worker)) for worker in range(2)]

            assert len(load.answered) == 200
            assert sum(each) == 200
            assert min(each) > 0


async def test_a_worker_that_dies_is_replaced(database_url, secret_of, tmp_path):
    async with Upstream(OK) as upstream:
        secret = secret_of(upstream)
        with two_gateways(database_url, tmp_path) as (parent, _):
            before = {worker.pid for worker in workers_of(parent)}
            victim = min(before)
            os.kill(victim, signal.SIGKILL)

            now = await until(lambda: {worker.pid for worker in workers_of(parent)} - before)

            assert len(now) == 1
            for _ in range(20):  # some of them reach the new one, however they are spread
                assert (await call(parent, secret)).status == 200


async def test_stopping_the_parent_stops_the_workers_in_good_order(database_url, secret_of, tmp_path):
    async with Upstream(OK) as upstream:
        secret = secret_of(upstream)
        with two_gateways(database_url, tmp_path) as (parent, _):
            load = Load(parent.port, secret, callers=16)
            running = asyncio.create_task(load.run())
            await until(lambda: len(load.answered) > 50)
            workers = workers_of(parent)
            parent.terminate()
            await running
            code = await asyncio.to_thread(parent.process.wait, PATIENCE_S)

            assert code == 0
            assert not [worker for worker in workers if worker.is_running()]
            assert len(upstream.requests) == len(load.answered)


def test_workers_leave_when_their_parent_is_killed(database_url, secret_of, tmp_path):
    with two_gateways(database_url, tmp_path) as (parent, _):
        workers = workers_of(parent)
        parent.kill()

        eventually(lambda: not any(worker.is_running() for worker in workers))


def test_a_taken_port_for_figures_ends_the_parent_too(database_url, tmp_path):
    metrics_port = free_base_port(2)

    def start():
        with gateway_process(database_url, tmp_path, gateway_workers=2, gateway_metrics_port=metrics_port) as parent:
            parent.process.wait(PATIENCE_S)
            raise AssertionError(parent.log.read_text())

    with (
        socket.create_server(("127.0.0.1", metrics_port + 1)),
        pytest.raises(AssertionError, match="POSTERN_GATEWAY_METRICS_PORT"),
    ):
        start()
