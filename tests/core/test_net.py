"""Registered addresses are hostile: which are called, which never, and that what was checked is what is called."""

import socket
import threading

import pytest

from app.core import config, errors, net, net_http
from app.core.net import Guard
from tests.core.hosts import Host, Resolver
from tests.waiting import eventually

PUBLIC = ["93.184.216.34", "1.1.1.1", "2606:4700::1111", "64:ff9b::5db8:d822", "::ffff:1.1.1.1"]

NOT_PUBLIC = [
    *("0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254"),
    *("168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    *("192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"),
    *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::127.0.0.1", "::10.0.0.1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1"),
    *("64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b::224.0.0.1"),
    *("64:ff9b:1::1", "64:ff9b:1::101:101", "64:ff9b:1:7f00:0:100::"),
    *("2002:7f00:1::", "2002:a00:1::1", "2002:101:101::1"),
    *("2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:10::1", "2001:db8::1", "3fff::1", "3ffe::1"),
    *("fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "ff0e::1", "100::1", "5f00::1", "4000::1"),
]

SPELLINGS = [
    "0x7f000001",
    "2130706433",
    "127.1",
    "0177.0.0.1",
    "0x7f.0.0.1",
    "127.0.1",
    "017700000001",
    "0",
    "localhost",
]

ACCEPTED = [
    "https://mcp.example.com/mcp",
    "https://mcp.example.com:8443/a/b?c=d&e=%20",
    "HTTPS://MCP.Example.com",
    "https://1.1.1.1/",
    "https://[2606:4700::1111]:444/mcp",
    "https://xn--bcher-kva.example./mcp",
    "https://my_server.internal-1.example/",
]

MISSHAPEN = [
    "",
    "mcp.example.com",
    "ftp://mcp.example.com/",
    "file:///etc/passwd",
    "gopher://mcp.example.com/",
    "javascript://mcp.example.com/%0aalert(1)",
    "https:///mcp",
    "https://:443/",
    "https://user@mcp.example.com/",
    "https://user:password@mcp.example.com/",
    "https://@mcp.example.com/",
    "https://mcp.example.com:0/",
    "https://mcp.example.com:65536/",
    "https://mcp.example.com:80a/",
    "https://mcp.example.com/#part",
    "https://mcp.example.com/a b",
    "https://mcp.example.com/\r\nHost: other",
    " https://mcp.example.com/",
    "https://mcp.exa\tmple.com/",
    "https://127.0.0.1\\@mcp.example.com/",
    "https://mcp.example.com\\.evil.example/",
    "https://bücher.example/",
    "https://①②⑦.0.0.1/",
    "https://a..b/",
    "https://-a.example/",
    "https://*.example/",
    f"https://{'a' * 64}.example/",
    "https://" + "a." * 127 + "example/",
    "https://[::1",
    "https://[v1.x]/",
    "https://[fe80::1%25eth0]/",
    "https://mcp.example.com/" + "a" * 2048,
]


@pytest.fixture
def resolver(monkeypatch):
    def install(**answers):
        resolver = Resolver(**answers)
        monkeypatch.setattr(socket, "getaddrinfo", resolver)
        return resolver

    return install


@pytest.fixture
def dialled(monkeypatch):
    """Where connections would have gone; none is made."""
    asked = []

    def dial(endpoints, deadline):
        asked.append([endpoint.address[0] for endpoint in endpoints])
        raise OSError("not in a test")

    monkeypatch.setattr(net_http, "dial", dial)
    return asked


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_called(resolver, address):
    resolver(mcp_example=[[address]])

    assert [endpoint.address[0] for endpoint in Guard().resolve("mcp.example", 443)] == [address]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_no_other_address_is_called(resolver, address):
    resolver(mcp_example=[[address]])

    with pytest.raises(net.Forbidden) as caught:
        Guard().resolve("mcp.example", 443)

    assert address not in caught.value.message


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_refused_when_it_is_typed(address):
    with pytest.raises(net.Forbidden):
        Guard().check_url(f"https://[{address}]/mcp" if ":" in address else f"https://{address}/mcp")


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_odd_spellings_are_judged_by_what_they_resolve_to(spelling):
    with pytest.raises(net.Forbidden):
        Guard().resolve(spelling, 443)


@pytest.mark.parametrize(
    "others", [["10.0.0.1", "93.184.216.34"], ["93.184.216.34", "::1"], ["1.1.1.1"] * 9 + ["0.0.0.0"]]
)
def test_one_bad_address_among_good_ones_refuses_them_all(resolver, dialled, others):
    resolver(mcp_example=[others])

    with pytest.raises(net.Forbidden):
        Guard().fetch("https://mcp.example/mcp")

    assert dialled == []


def test_a_name_is_looked_up_once_and_exactly_what_was_checked_is_called(resolver, dialled):
    answers = resolver(mcp_example=[["93.184.216.34", "2606:4700::1111"], ["127.0.0.1"]])

    with pytest.raises(net.NoAnswer):
        Guard().fetch("https://mcp.example/mcp")

    assert answers.asked == ["mcp.example"]
    assert dialled == [["93.184.216.34", "2606:4700::1111"]]


def test_a_name_that_turns_private_is_refused_from_then_on(resolver, dialled):
    resolver(mcp_example=[["93.184.216.34"], ["169.254.169.254"]])
    guard = Guard()
    with pytest.raises(net.NoAnswer):
        guard.fetch("https://mcp.example/mcp")

    with pytest.raises(net.Forbidden):
        guard.fetch("https://mcp.example/mcp")

    assert dialled == [["93.184.216.34"]]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", ["127.0.0.1", *SPELLINGS, "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"])
def test_a_canary_on_loopback_is_never_called(scheme, host):
    with Host() as canary:
        for guard in (Guard(), Guard(requires_https=False), Guard(private_networks=["10.0.0.0/8"])):
            with pytest.raises(errors.Invalid):
                guard.fetch(f"{scheme}://{host}:{canary.port}/mcp")

        assert canary.connections == 0


@pytest.mark.parametrize("url", ACCEPTED)
def test_ordinary_addresses_are_accepted(url):
    Guard().check_url(url)


@pytest.mark.parametrize("url", MISSHAPEN)
def test_what_is_no_address_is_refused_in_words(url):
    for guard in (Guard(), Guard(private_networks=["0.0.0.0/0", "::/0"], requires_https=False)):
        with pytest.raises(errors.Invalid) as caught:
            guard.check_url(url)
        assert caught.value.message.endswith(".")


@pytest.mark.parametrize("host", ["a" * 64, "a..b", ".", "\udcff.example"])
def test_names_that_the_resolver_chokes_on_are_a_clean_error(host):
    with pytest.raises(net.NoSuchHost):
        Guard().resolve(host, 443)


def test_plain_http_is_refused_outside_development():
    with pytest.raises(errors.Invalid, match="https://"):
        Guard().check_url("http://mcp.example/mcp")

    Guard(requires_https=False).check_url("http://mcp.example/mcp")


def test_plain_http_reaches_only_private_networks_that_were_allowed(resolver):
    resolver(inside_example=[["10.1.2.3"]], outside_example=[["93.184.216.34"]], both_example=[["10.1.2.3", "1.1.1.1"]])
    guard = Guard(private_networks=["10.0.0.0/8"])
    guard.check_url("http://inside.example/mcp")

    assert guard.resolve("inside.example", 80, is_encrypted=False)
    for name in ("outside.example", "both.example"):
        with pytest.raises(net.Forbidden, match="https://"):
            guard.resolve(name, 80, is_encrypted=False)
        assert guard.resolve(name, 443)


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "fd00::1", "fe80::1%lo"])
def test_allowed_networks_are_called_and_no_others(resolver, address):
    resolver(mcp_example=[[address]], other_example=[["192.168.0.1"]])
    guard = Guard(private_networks=["10.0.0.0/8", "fd00::/8", "fe80::/10"])

    assert guard.resolve("mcp.example", 443)
    with pytest.raises(net.Forbidden):
        guard.resolve("other.example", 443)


def test_who_asks_for_the_same_name_meanwhile_shares_one_look_up(monkeypatch):
    gate, asked = threading.Event(), []

    def slow(host, port, **_):
        asked.append(host)
        gate.wait(30)
        return [Resolver._entry("1.1.1.1", port)]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    guard, found = Guard(), []
    threads = [threading.Thread(target=lambda: found.append(guard.resolve("mcp.example", 443))) for _ in range(5)]
    for thread in threads:
        thread.start()
    eventually(lambda: asked)
    gate.set()
    for thread in threads:
        thread.join()

    assert len(found) == 5
    assert guard._under_way == {}


def test_development_allows_loopback_and_production_nothing():
    development = config.Settings(environment="development")

    net.from_settings(development).check_url("http://127.0.0.1:8303/mcp")
    assert Guard(private_networks=development.private_networks).resolve("localhost", 80)
    assert config.Settings.model_fields["private_networks"].default_factory({"environment": "production"}) == ()


@pytest.mark.parametrize("written", ['["10.0.0.1/8"]', '["inside"]', '["10.0.0.0/33"]'])
def test_a_network_that_is_none_is_named(monkeypatch, written):
    monkeypatch.setenv("POSTERN_PRIVATE_NETWORKS", written)

    with pytest.raises(errors.Invalid, match=r"^POSTERN_PRIVATE_NETWORKS: “.*” is not a network; write it like 10"):
        config.load()
