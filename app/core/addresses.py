"""Which internet addresses are public: an allow rule, because lists of what is forbidden are never complete.

Python's own `is_global` (3.11) says yes to multicast, 6to4, Teredo, NAT64 and IPv4-compatible addresses, all of which
can lead back into the network that we stand in. Source: the IANA registries of special-purpose addresses, 2026-11.
"""

import ipaddress
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NOT_PUBLIC_4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; clouds put services here
        "127.0.0.0/8",
        "168.63.129.16/32",  # looks public, and is Azure's own service inside every machine there
        "169.254.0.0/16",  # link-local: the metadata services of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments; 192.0.0.192 is a metadata service
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
)
_UNICAST_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",
        "2002::/16",  # 6to4: carries any IPv4 address
        "2620:4f:8000::/48",
        "3ffe::/16",
        "3fff::/20",
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
"""Where a network without IPv4 reaches it by; 64:ff9b:1::/48 is its local sibling and not public."""


def parse(text: str) -> Address | None:
    """The address that a host name spells, in any way that getaddrinfo takes for one (127.1, 0x7f000001); else None."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(text))
    except (OSError, ValueError):
        return None


def plain(address: Address) -> Address:
    """The IPv4 address that an IPv4-mapped one (::ffff:…) connects to; every other as it is."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped


def is_public(address: Address) -> bool:
    """Whether the whole internet knows it as one machine's."""
    address = plain(address)
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in _NOT_PUBLIC_4)
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    return address in _UNICAST_6 and address.is_global and not any(address in network for network in _NOT_PUBLIC_6)


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks from how they are written, 10.0.0.0/8 or fd00::/8. Raises ValueError in words."""
    found = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text))
        except ValueError:
            raise ValueError(f"“{text}” is not a network; write it like 10.0.0.0/8, fd00::/8 or 10.1.2.3/32.") from None
    return tuple(found)


def neighbourhood(text: str) -> str:
    """The address as a rate counts it; of IPv6 its /64, which is what one customer has (RFC 6177)."""
    address = parse(text)
    if address is None:
        return text
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else text
