"""Calling an upstream through our own client, in a line."""

from app.core.net import Guard
from app.gateway.upstream import address
from app.gateway.upstream.client import Client
from app.gateway.upstream.limits import Limits
from tests.waiting import PATIENCE_S

LIMITS = Limits(connect_s=PATIENCE_S, answer_s=PATIENCE_S, idle_s=PATIENCE_S, total_s=PATIENCE_S)
LOOPBACK = Guard(private_networks=["127.0.0.0/8"], requires_https=False)


async def fetch(client, url, *, body=b"{}", is_repeatable=False):
    """(status, headers, body) of a POST."""
    exchange = client.exchange()
    await send(client, exchange, url, body=body, is_repeatable=is_repeatable)
    pieces = []
    while piece := await exchange.read():
        pieces.append(piece)
    return exchange.status, exchange.headers, b"".join(pieces)


async def send(client, exchange, url, *, body=b"{}", is_repeatable=False):
    place = address.parse(url)
    head = b"POST %s HTTP/1.1\r\nhost: %s\r\ncontent-length: %d\r\n\r\n" % (place.target, place.host_header, len(body))
    await client.send(exchange, place, head=head, body=body, is_repeatable=is_repeatable)


def pool_of(client):
    """The pool of a client that has called one origin."""
    [pool] = client._pools.values()
    return pool


def client_with(connections=8, *, guard=LOOPBACK, **limits):
    return Client(
        limits=Limits(**{**{name: getattr(LIMITS, name) for name in LIMITS.__slots__}, **limits}),
        connections=connections,
        guard=guard,
    )
