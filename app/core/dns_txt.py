"""TXT records of a name, as the name servers have them: what proves that somebody rules over a domain."""

import ipaddress
from collections.abc import Sequence

import dns.exception
import dns.resolver

from app.core.errors import Invalid, Unavailable

TIMEOUT_S = 5.0
MOST = 50


def texts(name: str, *, servers: Sequence[str] = (), timeout_s: float = TIMEOUT_S) -> list[str]:
    """The records, each joined from its parts, at most MOST; [] where there are none. Blocks.

    servers: addresses to ask, “192.0.2.53” or “127.0.0.1:5353”; the system's if there are none.
    Raises Invalid for what is no name, Unavailable where nobody answers in time.
    """
    resolver = _resolver(servers)
    try:
        answer = resolver.resolve(name, "TXT", lifetime=timeout_s, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.resolver.NoNameservers, dns.exception.Timeout, OSError):
        raise Unavailable(f"The name servers of {name} do not answer just now. Try again in a moment.") from None
    except dns.exception.DNSException:
        raise Invalid(f"“{name[:80]}” is not the name of a domain.") from None
    found = [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
    return found[:MOST]


def _resolver(servers: Sequence[str]) -> dns.resolver.Resolver:
    if not servers:
        return dns.resolver.Resolver()
    resolver = dns.resolver.Resolver(configure=False)
    places = [_place(one) for one in servers]
    resolver.nameservers = [host for host, _ in places]
    resolver.nameserver_ports = dict(places)
    return resolver


def _place(server: str) -> tuple[str, int]:
    """Raises ValueError for what is no address."""
    try:
        return str(ipaddress.ip_address(server)), 53
    except ValueError:
        host, _, port = server.rpartition(":")
        return str(ipaddress.ip_address(host.strip("[]"))), int(port)
