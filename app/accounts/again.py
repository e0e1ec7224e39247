"""Signing in again before what is dangerous: whether somebody did lately, and what they typed until then.

A session that was left open, or copied, must not be enough to give an organisation away (OWASP ASVS 5.0, 7.5). What was
sent waits in the session, sealed like a secret, and stands in its form again after the sign-in (docs/adr/0028).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from app.accounts.services import Claims
from app.core.errors import Invalid
from app.web import forgery, htmx, session_secrets
from app.web.current import current

_AT = "authenticated_at"
_ASKED = "asked_again"
_TYPED = "typed"


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Danger:
    """Something that takes a recent sign-in. words: what it does, after “To”. page: the endpoint of the page with its
    form, which takes the same arguments, or what gives that page's path. when: whether what was sent is it.
    """

    words: str
    page: str | Callable[[], str]
    when: Callable[[], bool] = _always


@dataclass(frozen=True, slots=True)
class Asked:
    """What waits for a sign-in. endpoint: what was sent to; None for a page that was only asked for."""

    words: str
    page: str
    endpoint: str | None


def hold_up(danger: Danger) -> ResponseReturnValue | None:
    """The way to sign in again, with what was typed put aside; None for somebody who signed in lately."""
    if not danger.when() or is_recent():
        return None
    is_sent = request.method not in forgery.SAFE_METHODS
    session[_ASKED] = [danger.words, _page(danger, is_sent), request.endpoint if is_sent else None]
    if is_sent:
        fields = [pair for pair in request.form.items(multi=True) if pair[0] != "csrf_token"]
        session_secrets.put(_TYPED, json.dumps(fields))
    return htmx.redirect(url_for("again.index"))


def is_recent() -> bool:
    """Whether the person in this browser has lately shown to a provider that it is them."""
    at = signed_in_at()
    return at is not None and (current.now - at).total_seconds() <= longest_s()


def signed_in_at() -> datetime | None:
    """When that was; None in a session that does not know."""
    at = session.get(_AT)
    return datetime.fromtimestamp(at, UTC) if isinstance(at, int) else None


def longest_s() -> int:
    """How long ago “lately” may be, in seconds."""
    return current.settings.recent_sign_in_minutes * 60


def note(claims: Claims) -> None:
    """Keep, in the session that begins or goes on, when the provider last saw who it is: now, if it does not say."""
    now = int(current.now.timestamp())
    session[_AT] = now if claims.auth_time is None else min(claims.auth_time, now)


def step_up(claims: Claims, *, provider: str) -> Asked | None:
    """Go on under a new token (ASVS 7.2.4) as somebody who signed in lately. Gives what they were about to do.

    provider: its name for the reader. Raises Invalid where it did not ask who is there.
    """
    now = int(current.now.timestamp())
    if claims.auth_time is not None and now - claims.auth_time > longest_s():
        raise Invalid(f"{provider} did not ask you to sign in again. Sign out there, then try again.")
    session_secrets.renew()
    note(claims)
    found = asked()
    session.pop(_ASKED, None)
    session[_TYPED] = found.endpoint if found else None
    return found


def asked() -> Asked | None:
    """What waits for a sign-in in this browser."""
    found = session.get(_ASKED)
    return Asked(*found) if found else None


def typed(*endpoints: str) -> MultiDict[str, str]:
    """What was typed into the form of one of `endpoints` before signing in again, once; empty if nothing was."""
    if session.get(_TYPED) not in endpoints:
        return MultiDict()
    session.pop(_TYPED)
    return MultiDict(json.loads(session_secrets.take(_TYPED) or "[]"))


def _page(danger: Danger, is_sent: bool) -> str:
    if not is_sent:
        return request.full_path.rstrip("?")
    if callable(danger.page):
        return danger.page()
    return url_for(danger.page, **{**request.args, **(request.view_args or {})})
