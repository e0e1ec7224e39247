"""The first step of a call: who is calling. Answered from memory; only a key that nobody has seen asks the database."""

import hashlib
import re

from app.core import logs
from app.gateway.errors import Refused
from app.gateway.feed import Feed
from app.gateway.incoming import Headers
from app.gateway.policy import Policy
from app.keys import tokens
from app.keys.grants import Grant
from app.metering import attempts

CATCH_UP_S = 1.0

_BEARER = b"Bearer "
_LIKE_A_KEY = re.compile(r"[a-z][a-z0-9]{1,9}_(?:live|test)_")
_KEY_IN_ADDRESS = re.compile(
    rb"(?i)(?:^|&)(?:x-)?(?:api[_-]?key|access[_-]?token|key|token|authorization)=|_(?:live|test)_[0-9a-z]{8}"
)


def refuse_key_in_path(path: str) -> None:
    """Raises Refused when a key stands in the path: addresses end up in logs and histories."""
    if ("_live_" in path or "_test_" in path) and logs.masked(path) != path:
        raise Refused(attempts.KEY_IN_ADDRESS)


async def authenticate(headers: Headers, query: bytes, *, policy: Policy, feed: Feed, max_age_s: float) -> Grant:
    """The grant of the key that came with a request.

    max_age_s: a policy older than that is not trusted, because it may lack a revocation.
    Raises Refused.
    """
    if feed.age_s > max_age_s:
        raise Refused(attempts.UNAVAILABLE, "the gateway cannot check keys just now. Try again in a few seconds.")
    if query and _KEY_IN_ADDRESS.search(query):
        raise Refused(attempts.KEY_IN_ADDRESS)
    key = _key_in(headers)
    digest = hashlib.sha256(key).digest()
    grant = policy.live.get(digest)
    return grant if grant is not None else await _look_again(key, digest, policy=policy, feed=feed)


def _key_in(headers: Headers) -> bytes:
    authorization = headers.get(b"authorization")
    key = headers.get(b"x-api-key")
    if authorization is None:
        if not key:
            raise Refused(attempts.NO_KEY)
        return key.strip()
    if key is None and authorization.startswith(_BEARER) and len(authorization) > len(_BEARER):
        return authorization[len(_BEARER) :].strip()
    scheme, _, bearer = authorization.partition(b" ")
    bearer = bearer.strip()
    if scheme.lower() != b"bearer":
        if _LIKE_A_KEY.match(scheme.decode("latin-1")):
            detail = "write “Bearer ” before the key, as in “Authorization: Bearer pst_live_…”."
            raise Refused(attempts.NOT_A_KEY, detail, key_hint=tokens.prefix_of(scheme.decode("latin-1")))
        raise Refused(attempts.NOT_A_KEY, "use “Authorization: Bearer …”; other schemes are not known here.")
    if not bearer:
        raise Refused(attempts.NO_KEY)
    if key is not None and key.strip() != bearer:
        raise Refused(attempts.MALFORMED, "Authorization and X-API-Key hold different keys. Send one of them.")
    return bearer


async def _look_again(key: bytes, digest: bytes, *, policy: Policy, feed: Feed) -> Grant:
    """A key that is not among the live ones: say why, or find that it is brand-new."""
    text = key.decode("latin-1")
    hint = tokens.prefix_of(text)
    if not tokens.is_complete(text):
        reason = attempts.INCOMPLETE_KEY if _LIKE_A_KEY.match(text) else attempts.NOT_A_KEY
        raise Refused(reason, key_hint=hint)
    if digest not in policy.revoked and not await feed.catch_up(timeout_s=CATCH_UP_S):
        raise Refused(attempts.UNAVAILABLE, "the gateway cannot check keys just now. Try again in a few seconds.")
    grant = policy.live.get(digest)
    if grant is not None:
        return grant
    owner = policy.revoked.get(digest)
    reason = attempts.REVOKED_KEY if owner is not None else attempts.UNKNOWN_KEY
    raise Refused(reason, grant=owner, key_hint=hint)


def hint_in(headers: list[tuple[bytes, bytes]]) -> str:
    """The readable start of the key among `headers`, however broken; "" when there is none."""
    for name, value in headers:
        if name in (b"authorization", b"x-api-key"):
            hint = tokens.prefix_of(value.decode("latin-1").rpartition(" ")[2])
            if hint:
                return hint
    return ""
