"""Secrets on their way to the one page that shows them, sealed with the token that only the browser holds.

The database alone cannot open them, they are in no URL and no log, and each comes out once, within TTL_S seconds.
"""

from app.core import crypto
from app.web import session

_PLACE = "_sealed_"
TTL_S = 600
"""Long enough for the way from an identity provider back to the page that shows the secret."""


def put(name: str, text: str) -> None:
    """Keep `text` for this browser. Not before `renew()`, if both happen in one request: renewing forgets it."""
    kept = session.current()
    kept[_place(name)] = crypto.seal(kept.token, text)


def take(name: str) -> str | None:
    """What was put under `name`, the first time and in time; else None."""
    kept = session.current()
    sealed = kept.pop(_place(name), None)
    return None if sealed is None else crypto.unseal(kept.token, sealed, ttl_s=TTL_S)


def renew() -> None:
    """Go on under a new token with all that the session held; what is sealed is sealed for that token and TTL_S anew.

    Like `ServerSession.renew`, only right once nothing can fail any more.
    """
    kept = session.current()
    old, held = kept.token, dict(kept)
    kept.renew()
    for place, value in held.items():
        text = crypto.unseal(old, str(value), ttl_s=TTL_S) if place.startswith(_PLACE) else None
        if text is not None:
            kept[place] = crypto.seal(kept.token, text)
        elif not place.startswith(_PLACE):
            kept[place] = value


def _place(name: str) -> str:
    return f"{_PLACE}{name}"
