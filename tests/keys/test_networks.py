"""Where a key may be used from."""

import pytest

from app.keys import networks


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        ("192.0.2.7", ["192.0.2.7", "::ffff:192.0.2.7", "192.0.2.7:4711"], ["192.0.2.8", "192.0.2.70", "::c000:207"]),
        ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"], ["11.0.0.0", "9.255.255.255", "a00::"]),
        ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::", "2001:db8::1"]),
        ("2001:db8::/32", ["2001:db8::", "2001:db8:ffff::1", "[2001:db8::1]:443"], ["2001:db9::", "192.0.2.7"]),
        ("2001:db8::7", ["2001:db8::7", "2001:0db8:0:0::0007"], ["2001:db8::8"]),
        ("fe80::/10", ["fe80::1%eth0"], ["fec0::1"]),
        ("::ffff:10.0.0.0/104", ["10.9.9.9", "::ffff:10.9.9.9"], ["11.0.0.0"]),
    ],
)
def test_an_address_is_in_a_network_or_not(network, inside, outside):
    read = networks.read([networks.plain(network)])

    assert [address for address in inside if not read.hold(address)] == []
    assert [address for address in outside if read.hold(address)] == []


@pytest.mark.parametrize(
    "address", ["", "unknown", "_hidden", "localhost", "10.0.0", "010.0.0.1", "10.0.0.1, 10.0.0.2"]
)
def test_what_is_no_address_is_in_no_network(address):
    assert not networks.read(["0.0.0.0/0", "::/0"]).hold(address)


def test_any_of_several_is_enough():
    read = networks.read(["192.0.2.7", "10.0.0.0/8", "172.16.0.0/12", "2001:db8::/32"])

    assert all(read.hold(address) for address in ("192.0.2.7", "10.1.1.1", "172.31.0.1", "2001:db8::1"))
    assert not read.hold("172.32.0.1")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (" 192.0.2.7 ", "192.0.2.7"),
        ("192.0.2.7/32", "192.0.2.7"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
        ("2001:DB8:0:0::/32", "2001:db8::/32"),
        ("2001:db8::1/128", "2001:db8::1"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
    ],
)
def test_a_network_is_kept_in_one_way(written, kept):
    assert networks.plain(written) == kept


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("office", "Write an address"),
        ("", "Write an address"),
        ("10.0.0.0/33", "Write an address"),
        ("10.0.0.5/8", "Write 10.0.0.0/8 for the range, 10.0.0.5 for one"),
        ("300.1.1.1", "Write an address"),
    ],
)
def test_what_is_no_network_is_refused_with_words(written, words):
    with pytest.raises(ValueError, match=words):
        networks.plain(written)


def test_keys_with_the_same_networks_share_them():
    assert networks.read(["10.0.0.0/8", "192.0.2.7"]) is networks.read(["192.0.2.7", "10.0.0.0/8"])
