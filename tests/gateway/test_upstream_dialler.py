"""New connections: to exactly the addresses that were checked, whichever takes one first."""

import asyncio
import socket

import pytest

from app.core.net import Endpoint, Guard
from app.gateway.upstream import dialler
from app.gateway.upstream.dialler import Dialler
from app.gateway.upstream.problems import Forbidden, Unreachable
from tests.asynchronous import until
from tests.core.hosts import Resolver
from tests.gateway import certificates
from tests.gateway.upstream_calls import client_with, fetch
from tests.gateway.upstreams import Upstream, answer, raw

OK = raw(answer(b"ok"))


@pytest.fixture
def resolver(monkeypatch):
    def install(**answers):
        resolver = Resolver(**answers)
        monkeypatch.setattr(socket, "getaddrinfo", resolver)
        return resolver

    return install


@pytest.fixture
def tries(monkeypatch):
    """Sockets by address; an address in `silent` never takes a connection."""

    class Tries(dict):
        silent = ()
        given_up = ()

    tries = Tries()
    connect = Dialler._socket

    async def watched(self, endpoint: Endpoint):
        address = endpoint.address[0]
        tries[address] = None
        if address in tries.silent:
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                tries.given_up = (*tries.given_up, address)
                raise
        tries[address] = await connect(self, endpoint)
        return tries[address]

    monkeypatch.setattr(Dialler, "_socket", watched)
    return tries


async def test_one_look_up_for_each_connection_and_none_for_each_call(resolver):
    asked = resolver(mcp_example=[["127.0.0.1"]]).asked
    async with Upstream(OK) as upstream:
        client = client_with()

        for _ in range(5):
            assert (await fetch(client, f"http://mcp.example:{upstream.port}/mcp"))[2] == b"ok"

        assert (asked, upstream.connections) == (["mcp.example"], 1)
        assert upstream.requests[0].header("host") == f"mcp.example:{upstream.port}"


async def test_the_next_address_is_tried_when_one_refuses(resolver, tries):
    resolver(mcp_example=[["127.0.0.9", "127.0.0.8", "127.0.0.1"]])
    async with Upstream(OK) as upstream:
        assert (await fetch(client_with(), f"http://mcp.example:{upstream.port}/mcp"))[2] == b"ok"

    assert list(tries) == ["127.0.0.9", "127.0.0.8", "127.0.0.1"]


async def test_an_address_that_is_silent_holds_nobody_up(resolver, tries, monkeypatch):
    monkeypatch.setattr(dialler, "HEAD_START_S", 0.01)
    tries.silent = ("127.0.0.9",)
    resolver(mcp_example=[["127.0.0.9", "127.0.0.1"]])
    async with Upstream(OK) as upstream:
        assert (await fetch(client_with(), f"http://mcp.example:{upstream.port}/mcp"))[2] == b"ok"

    await until(lambda: tries.given_up == ("127.0.0.9",))


async def test_of_two_that_answer_one_is_hung_up_on(resolver, tries, monkeypatch):
    async def at_once(running, **_):
        """As if they had all answered in the same turn."""
        await asyncio.gather(*running, return_exceptions=True)
        return (set(), running) if len(running) == 1 else (running, set())

    async with Upstream(OK) as upstream:
        resolver(mcp_example=[["127.0.0.1", "127.0.0.2"]])
        second = await asyncio.start_server(upstream._serve, "127.0.0.2", upstream.port)
        monkeypatch.setattr(asyncio, "wait", at_once)
        assert (await fetch(client_with(), f"http://mcp.example:{upstream.port}/mcp"))[2] == b"ok"
        monkeypatch.undo()

        await until(lambda: sum(sock.fileno() == -1 for sock in tries.values()) == 1)
        second.close()


async def test_nobody_answering_is_unreachable(resolver):
    resolver(mcp_example=[["127.0.0.9", "127.0.0.8"]])
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(Unreachable):
        await fetch(client_with(), f"http://mcp.example:{port}/mcp")


async def test_one_bad_address_refuses_the_call_and_gives_its_place_back(resolver, tries):
    resolver(mcp_example=[["127.0.0.1", "10.0.0.1"]])
    client = client_with(connections=1)

    for _ in range(3):
        with pytest.raises(Forbidden):
            await fetch(client, "http://mcp.example/mcp")

    assert tries == {}


async def test_tls_is_checked_against_the_name_and_not_the_address(resolver, tmp_path, monkeypatch):
    resolver(mcp_example=[["127.0.0.1"]], other_example=[["127.0.0.1"]])
    certificate = certificates.make(tmp_path, host="mcp.example")
    context, names = certificate.server_context(), []
    context.sni_callback = lambda _, name, __: names.append(name)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    client = client_with(guard=Guard(private_networks=["127.0.0.0/8"]))

    async with Upstream(OK, tls=context) as upstream:
        assert (await fetch(client, f"https://mcp.example:{upstream.port}/mcp"))[2] == b"ok"
        with pytest.raises(Unreachable):
            await fetch(client, f"https://other.example:{upstream.port}/mcp")

    assert names == ["mcp.example", "other.example"]
    assert len(upstream.requests) == 1
