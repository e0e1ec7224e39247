"""Where a key may be used from: addresses and CIDR ranges, IPv4 and IPv6.

An IPv4 address that came through an IPv6 socket (::ffff:192.0.2.7) is the IPv4 address, on both sides.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Network

from app.core import addresses

_MAPPED = IPv6Network("::ffff:0:0/96")

_Ranges = tuple[tuple[int, frozenset[int]], ...]


@dataclass(frozen=True, slots=True)
class Networks:
    """For asking whether an address is inside. Keys with the same networks share one of these.

    v4, v6: for each prefix length, how many bits lie behind it, and what stands before them.
    """

    v4: _Ranges
    v6: _Ranges

    def hold(self, text: str) -> bool:
        """Whether this address, as a socket or a proxy writes it, is in one of them; no address at all is in none."""
        try:
            address = addresses.plain(ipaddress.ip_address(without_port(text)))
        except ValueError:
            return False
        number = int(address)
        ranges = self.v4 if isinstance(address, IPv4Address) else self.v6
        return any(number >> behind in before for behind, before in ranges)


def plain_address(text: str) -> str:
    """An address in the one way in which it is kept, without the port that a proxy may have written; what is none as
    it is.
    """
    try:
        return str(addresses.plain(ipaddress.ip_address(without_port(text))))
    except ValueError:
        return text


def read(texts: Iterable[str]) -> Networks:
    """Networks from how they are kept. Raises ValueError for what is none."""
    return _read(tuple(sorted(set(texts))))


def plain(text: str) -> str:
    """The one way in which a network is kept: 10.0.0.0/8, 2001:db8::/32, and an address alone without “/32”.

    Raises ValueError in words.
    """
    text = text.strip()
    try:
        network = _unmapped(ipaddress.ip_network(text))
    except ValueError:
        raise ValueError(_what_to_do(text)) from None
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def in_words(texts: list[str]) -> str:
    """How people read it; an empty list is anywhere."""
    return ", ".join(texts) or "Anywhere"


@lru_cache(maxsize=1024)
def _read(texts: tuple[str, ...]) -> Networks:
    found: dict[int, dict[int, set[int]]] = {4: {}, 6: {}}
    for text in texts:
        network = _unmapped(ipaddress.ip_network(text))
        behind = network.max_prefixlen - network.prefixlen
        found[network.version].setdefault(behind, set()).add(int(network.network_address) >> behind)
    return Networks(v4=_ranges(found[4]), v6=_ranges(found[6]))


def _ranges(found: dict[int, set[int]]) -> _Ranges:
    return tuple((behind, frozenset(before)) for behind, before in sorted(found.items()))


def _unmapped(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    if isinstance(network, IPv4Network) or not network.subnet_of(_MAPPED):
        return network
    address = IPv4Address(int(network.network_address) & 0xFFFF_FFFF)
    return IPv4Network((address, network.prefixlen - 96))


def _what_to_do(text: str) -> str:
    try:
        meant = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return f"“{text}” is not a network. Write an address (192.0.2.7) or a range (10.0.0.0/8, 2001:db8::/32)."
    return f"“{text}” is between an address and a range. Write {meant} for the range, {text.partition('/')[0]} for one."


def without_port(text: str) -> str:
    """Some proxies write 192.0.2.7:4711 or [2001:db8::1]:4711 into X-Forwarded-For."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    address, colon, _ = text.partition(":")
    return address if colon and "." in address and text.count(":") == 1 else text
