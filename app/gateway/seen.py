"""By whom and from where a key is used, as its page will tell."""

from functools import lru_cache

from app.core import logs
from app.gateway.incoming import Incoming
from app.keys import networks
from app.keys.grants import Grant
from app.keys.seen_models import CLIENT_LENGTH
from app.metering.uses import Use, Uses


def use_of(uses: Uses, grant: Grant, incoming: Incoming, *, proxy_hops: int) -> Use:
    """What a request is counted under."""
    address = _address(incoming.caller_address(proxy_hops=proxy_hops))
    client = _said(incoming.fields.get(b"user-agent", b""))
    return uses.use(grant.key_id, grant.digest, address=address, client=client)


@lru_cache(maxsize=512)
def _said(user_agent: bytes) -> str:
    """What a client calls itself, as it may be kept: no key that got there by mistake, and nothing unprintable."""
    return _plain(logs.masked(user_agent[: 4 * CLIENT_LENGTH].decode("utf-8", "replace"))).strip()[:CLIENT_LENGTH]


@lru_cache(maxsize=512)
def _address(text: str) -> str:
    return _plain(networks.plain_address(text))


def _plain(text: str) -> str:
    return text if text.isprintable() else "".join(character for character in text if character.isprintable())
