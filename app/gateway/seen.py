"""By whom and from where a key is used, as its page will tell."""

from functools import lru_cache

from app.core import logs
from app.gateway.call import Call
from app.gateway.eras import held, messages
from app.gateway.incoming import Incoming
from app.keys import networks
from app.keys.grants import Grant
from app.keys.seen_models import CLIENT_LENGTH, VIA
from app.metering.uses import Use, Uses

INITIALIZE = "initialize"
INTRODUCED_LENGTH = 50
"""Of a client's own name and version, where there is a User-Agent besides."""
_CLIENT_IN_META = "io.modelcontextprotocol/clientInfo"


def use_of(uses: Uses, grant: Grant, incoming: Incoming, *, proxy_hops: int) -> Use:
    """What a request is counted under."""
    address = _address(incoming.caller_address(proxy_hops=proxy_hops))
    client = _said(incoming.fields.get(b"user-agent", b""))
    return uses.use(grant.key_id, grant.digest, address=address, client=client)


def introduce(use: Use, call: Call) -> None:
    """Take over what a client calls itself in MCP: as a session begins, and else once for each way that it comes."""
    info: object = None
    if call.envelope.method == INITIALIZE:
        info = messages.params_of(call.envelope.body).get("clientInfo")
    elif use.is_introduced:
        return
    elif call.session is not None:
        info = call.session.client
    elif call.is_stateless:
        meta = messages.params_of(call.envelope.body).get("_meta")
        info = meta.get(_CLIENT_IN_META) if isinstance(meta, dict) else None
    else:
        return
    use.introduce(_introduced(info, call.incoming.fields.get(b"user-agent", b"")))


def _introduced(info: object, user_agent: bytes) -> str:
    """“claude-ai/0.1.0 via node”: name and version, and the User-Agent unless it says the same; "" for no name."""
    name = info.get("name") if isinstance(info, dict) and info != held.UNKNOWN.client else None
    if not isinstance(info, dict) or not isinstance(name, str) or not name.strip():
        return ""
    version = info.get("version")
    full = f"{name}/{version}" if isinstance(version, str) and version else name
    said = _said(full.encode("utf-8", "replace"))
    carrier = _said(user_agent)
    is_same = carrier.casefold().startswith(name.strip().casefold())
    return said if not carrier or is_same else f"{said[:INTRODUCED_LENGTH]}{VIA}{carrier}"


@lru_cache(maxsize=512)
def _said(user_agent: bytes) -> str:
    """What a client calls itself, as it may be kept: no key that got there by mistake, and nothing unprintable."""
    return _plain(logs.masked(user_agent[: 4 * CLIENT_LENGTH].decode("utf-8", "replace"))).strip()[:CLIENT_LENGTH]


@lru_cache(maxsize=512)
def _address(text: str) -> str:
    return _plain(networks.plain_address(text))


def _plain(text: str) -> str:
    return text if text.isprintable() else "".join(character for character in text if character.isprintable())
