"""Addresses at which no integration is called: health, public keys, receipts."""

import msgspec

from app.gateway import proof
from app.gateway.errors import Refused
from app.gateway.incoming import Incoming
from app.gateway.parts import Parts
from app.gateway.reply import Reply
from app.metering import attempts

_READING = ("GET", "HEAD")


async def answer(parts: Parts, incoming: Incoming, reply: Reply) -> None:
    """Answer a request that is for no place of integrations. Raises Refused."""
    path, is_reading = incoming.path, incoming.method in _READING
    if path == "/healthz" and is_reading:
        await reply.whole(200, b'{"status":"ok"}')
    elif path == "/readyz" and is_reading:
        await _readiness(parts, reply)
    elif path == proof.KEYS_PATH and is_reading:
        await parts.proof.keys(reply)
    elif path.startswith(proof.RECEIPTS_PATH) and incoming.method == "GET":
        grant = await parts.authentication.grant_for(incoming, incoming.headers())
        found = await parts.proof.receipt(path, grant)
        parts.decisions.has_read(incoming, reply, grant, what=proof.RECEIPTS_PATH)
        await reply.whole(200, found)
    else:
        raise Refused(attempts.WRONG_PATH)


async def _readiness(parts: Parts, reply: Reply) -> None:
    readiness = await parts.health.readiness()
    status = "ready" if readiness.is_ready else "not ready"
    said = {"status": status, "checks": readiness.checks, "notes": readiness.notes}
    await reply.whole(200 if readiness.is_ready else 503, msgspec.json.encode(said))
