"""Fetching: what is sent, and that no answer is too long, too slow, compressed, or followed anywhere."""

import socket
import ssl
import threading
import time

import pytest

from app.core import net, net_http
from app.core.net import Guard
from tests.core.hosts import Host, Resolver, answer, says
from tests.gateway import certificates

LOCAL = Guard(private_networks=["127.0.0.0/8"], requires_https=False)
ENOUGH_S = 30


def test_a_request_is_made_and_its_answer_given_whole():
    with Host(says(answer(b'{"a":1}', more="X-Thing: one\r\n"))) as host:
        got = LOCAL.fetch(host.url + "?q=1", method="POST", headers={"Accept": "application/json"}, body=b"{}")

    assert (got.status, got.headers["x-thing"], got.body) == (200, "one", b'{"a":1}')
    lines = host.requests[0].decode().split("\r\n")
    assert lines[0] == "POST /mcp?q=1 HTTP/1.1"
    assert set(lines[1:-2]) == {
        f"Host: 127.0.0.1:{host.port}",
        "User-Agent: Postern",
        "Accept-Encoding: identity",
        "Connection: close",
        "Content-Length: 2",
        "Accept: application/json",
    }


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_redirects_are_not_followed(monkeypatch, status):
    dialled = []
    dial = net_http.dial
    monkeypatch.setattr(
        net_http, "dial", lambda endpoints, deadline: (dialled.append(endpoints), dial(endpoints, deadline))[1]
    )
    with Host() as canary:
        for target in ("http://169.254.169.254/latest/meta-data/", canary.url):
            with Host(says(answer(b"", status=status, more=f"Location: {target}\r\n"))) as host:
                assert LOCAL.fetch(host.url).status == int(status[:3])

        assert len(dialled) == 2
        assert canary.connections == 0


def test_an_error_is_an_answer_like_any_other():
    with Host(says(answer(b'{"error":"no"}', status="400 Bad Request"))) as host:
        assert (LOCAL.fetch(host.url).status, LOCAL.fetch(host.url).body) == (400, b'{"error":"no"}')


def test_proxies_of_the_environment_are_not_used(monkeypatch):
    with Host() as proxy, Host(says(answer())) as host:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")

        assert LOCAL.fetch(host.url).status == 200
        assert proxy.connections == 0


def drip(first, *, every_s=0.05, times=1200):
    """A script that never ends by itself within the test's time: one byte now and then."""

    def script(connection):
        connection.sendall(first)
        for _ in range(times):
            connection.sendall(b"x")
            time.sleep(every_s)

    return script


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nx-long: ",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffff\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx-trailer: ",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ],
    ids=["status line", "header", "length", "chunk", "chunk head", "trailer", "until close"],
)
def test_an_answer_of_one_byte_at_a_time_is_cut_by_the_time_for_all_of_it(first):
    with Host(drip(first)) as host, pytest.raises(net.TooSlow):
        LOCAL.fetch(host.url, timeout_s=0.5)


def test_a_name_whose_servers_are_silent_is_cut_too(monkeypatch):
    gate = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: gate.wait(ENOUGH_S) and [])
    try:
        with pytest.raises(net.TooSlow):
            LOCAL.fetch("http://mcp.example/", timeout_s=0.2)
    finally:
        gate.set()


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3e8\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ],
    ids=["length", "chunked", "until close"],
)
def test_an_answer_beyond_the_size_is_cut(head):
    with Host(says(head, b"x" * 1000)) as host, pytest.raises(net.TooLarge):
        LOCAL.fetch(host.url, max_bytes=999)
    with Host(says(answer(b"x" * 1000))) as host:
        assert len(LOCAL.fetch(host.url, max_bytes=1000).body) == 1000


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "zstd", "identity, gzip"])
def test_compressed_answers_are_refused(coding):
    with Host(says(answer(b"\x1f\x8b", more=f"Content-Encoding: {coding}\r\n"))) as host, pytest.raises(net.NoAnswer):
        LOCAL.fetch(host.url)


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"220 mail.example ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\nx" + b"y" * 100_000,
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n",
        answer(b"half of it")[:-4],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["nothing", "not HTTP", "long header", "many headers", "half", "half a chunk", "no chunk"],
)
def test_what_is_no_answer_is_one_kind_of_error_without_its_words(reply):
    with Host(says(reply)) as host, pytest.raises(net.NoAnswer) as caught:
        LOCAL.fetch(host.url)

    assert "ESMTP" not in caught.value.message


def test_nobody_there_is_no_answer():
    with Host() as host:
        pass

    with pytest.raises(net.NoAnswer, match="cannot be reached"):
        LOCAL.fetch(host.url)


def test_the_next_address_is_tried_when_the_first_does_not_answer(monkeypatch):
    with Host(says(answer())) as host:
        monkeypatch.setattr(socket, "getaddrinfo", Resolver(mcp_example=[["127.0.0.9", "127.0.0.1"]]))

        assert LOCAL.fetch(f"http://mcp.example:{host.port}/").status == 200


def test_an_event_stream_is_read_piece_by_piece_until_there_is_enough():
    read, hung_up = threading.Event(), threading.Event()

    def script(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n")
        read.wait(ENOUGH_S)
        connection.sendall(b"data: 2\n\n")
        if connection.recv(1) == b"":
            hung_up.set()

    with Host(script) as host:
        with LOCAL.open_stream(host.url, timeout_s=ENOUGH_S) as stream:
            seen = b""
            for piece in stream:
                seen += piece
                read.set()
                if seen.endswith(b"data: 2\n\n"):
                    break

        assert (stream.status, seen) == (200, b"data: 1\n\ndata: 2\n\n")
        assert hung_up.wait(ENOUGH_S)


def test_what_goes_wrong_in_the_readers_own_code_stays_what_it_is():
    with Host(says(answer())) as host, pytest.raises(ConnectionError, match="mine"), LOCAL.open_stream(host.url):
        raise ConnectionError("mine")


@pytest.fixture
def sealed(tmp_path):
    """A TLS context for a server called mcp.example, and the guard that trusts it. names: what clients asked for."""
    certificate = certificates.make(tmp_path, host="mcp.example")
    context = certificate.server_context()
    context.names = []
    context.sni_callback = lambda _, name, __: context.names.append(name)
    guard = Guard(private_networks=["127.0.0.0/8"])
    guard.tls = ssl.create_default_context(cafile=certificate.path)
    return context, guard


def test_tls_is_checked_against_the_name_that_was_registered(sealed, monkeypatch):
    context, guard = sealed
    monkeypatch.setattr(socket, "getaddrinfo", Resolver(mcp_example=[["127.0.0.1"]], other_example=[["127.0.0.1"]]))

    with Host(says(answer(b"sealed")), tls=context) as host:
        assert guard.fetch(f"https://mcp.example:{host.port}/").body == b"sealed"
        with pytest.raises(net.NoAnswer, match="certificate"):
            guard.fetch(f"https://other.example:{host.port}/")
        with pytest.raises(net.NoAnswer, match="certificate"):
            Guard(private_networks=["127.0.0.0/8"]).fetch(f"https://mcp.example:{host.port}/")

    assert context.names == ["mcp.example", "other.example", "mcp.example"]
    assert len(host.requests) == 1
