"""Calling an upstream through our own client, in a line."""

from app.gateway.upstream import address
from app.gateway.upstream.client import Client
from app.gateway.upstream.limits import Limits

LIMITS = Limits(connect_s=2, answer_s=2, idle_s=2, total_s=5)


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


def client_with(connections=8, **limits):
    return Client(
        limits=Limits(**{**{name: getattr(LIMITS, name) for name in LIMITS.__slots__}, **limits}),
        connections=connections,
    )
