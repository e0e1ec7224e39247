"""Flask's session, kept at the server: the cookie holds a random token, a row holds the rest, found by its SHA-256.

Flask's own session is a signed cookie: copied before a sign-out, it still opens the account afterwards. Here a session
that was ended is gone, whoever holds the token. Nothing is read before something asks, and no cookie is set before
there is something to keep, so public pages stay cacheable (docs/adr/0006).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, cast
from uuid import UUID

from flask import Flask, Request, Response
from flask import session as flask_session
from flask.sessions import SessionInterface, SessionMixin

from app.core import crypto
from app.core.config import Settings

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Stored:
    """A session as the store gives it. data: what was kept, plain JSON."""

    id: UUID
    data: dict[str, Any]


class Store(Protocol):
    """Where sessions live; accounts implements it, since web knows no tables. All in the request's transaction."""

    def find(self, token_digest: str) -> Stored | None:
        """The live session with this digest; None if it is unknown, ended or expired."""

    def add(self, token_digest: str, data: dict[str, Any]) -> None:
        """Keep a new session for the browser that sent this request."""

    def update(self, session_id: UUID, data: dict[str, Any]) -> None:
        """Replace what a session holds."""

    def end(self, session_id: UUID) -> None:
        """End a session for good and forget what it held."""


class ServerSession(SessionMixin):
    """Reads its row when first asked for something; written back after the view if anything changed."""

    def __init__(self, store: Store, presented: str | None) -> None:
        self._store = store
        self._presented = presented
        self._row: Stored | None = None
        self._data: dict[str, Any] = {}
        self._token: str | None = None
        self._over: list[UUID] = []
        self._is_loaded = False
        self.modified = False
        self.is_ended = False

    @property
    def id(self) -> UUID | None:
        """The row behind this session; None before its first writing."""
        self._load()
        return self._row.id if self._row else None

    @property
    def is_read(self) -> bool:
        """Whether the answer depends on it."""
        return self._is_loaded

    @property
    def token(self) -> str:
        """The random token that the browser holds, or will hold after this answer."""
        self._load()
        if self._token is None:
            self._token = cast(str, self._presented) if self._row else crypto.random_token()
        return self._token

    @property
    def is_fresh(self) -> bool:
        """Whether the browser has yet to be told the token."""
        return self._row is None

    def renew(self) -> None:
        """End this session at the server and go on with an empty one under a new token."""
        self._load()
        if self._row is not None:
            self._over.append(self._row.id)
        self._row, self._data, self._token = None, {}, None
        self.modified, self.is_ended = True, False

    def end(self) -> None:
        """End this session at the server; the browser is told to forget its cookie."""
        self.renew()
        self.is_ended = True

    def save(self) -> None:
        """Write what changed to the store, if there is anything to keep."""
        if not self.modified:
            return
        for session_id in self._over:
            self._store.end(session_id)
        if self._row is not None:
            self._store.update(self._row.id, self._data)
        elif self._data:
            self._store.add(crypto.digest(self.token), self._data)

    def _load(self) -> None:
        if self._is_loaded:
            return
        self._is_loaded = True
        if self._presented is not None:
            self._row = self._store.find(crypto.digest(self._presented))
        if self._row is not None:
            self._data = dict(self._row.data)

    def __getitem__(self, name: str) -> object:
        self._load()
        return self._data[name]

    def __setitem__(self, name: str, value: object) -> None:
        self._load()
        self._data[name] = value
        self.modified = True

    def __delitem__(self, name: str) -> None:
        self._load()
        del self._data[name]
        self.modified = True

    def __iter__(self) -> Iterator[str]:
        self._load()
        return iter(dict(self._data))

    def __len__(self) -> int:
        self._load()
        return len(self._data)


class ServerSessions(SessionInterface):
    """Opens and saves ServerSession for Flask."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._is_https = settings.is_https
        self._max_age = timedelta(hours=settings.session_absolute_hours)
        self.cookie_name = "__Host-postern_session" if settings.is_https else "postern_session"

    def open_session(self, app: Flask, request: Request) -> ServerSession:
        token = request.cookies.get(self.cookie_name, "")
        return ServerSession(self._store, token if _TOKEN.fullmatch(token) else None)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        session = cast(ServerSession, session)
        if not session.is_read:
            return
        response.vary.add("Cookie")
        if response.status_code >= 500:
            return  # what the view believed when it broke is not to be believed
        is_fresh = session.is_fresh
        session.save()
        if session.is_ended:
            response.delete_cookie(self.cookie_name, path="/", secure=self._is_https, httponly=True, samesite="Lax")
        elif is_fresh and session.modified and session:
            response.set_cookie(
                self.cookie_name,
                session.token,
                max_age=self._max_age,
                path="/",
                secure=self._is_https,
                httponly=True,
                samesite="Lax",
            )


def install(app: Flask, store: Store, settings: Settings) -> None:
    """Keep the sessions of `app` in `store`."""
    app.session_interface = ServerSessions(store, settings)


def current() -> ServerSession:
    """The session of the browser that sent this request."""
    return cast(ServerSession, cast(Any, flask_session)._get_current_object())
