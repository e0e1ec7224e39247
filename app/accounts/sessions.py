"""Keeps the browser's sessions in the table browser_session, for web.session."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import request

from app.accounts import queries
from app.accounts.models import BrowserSession
from app.web.current import current
from app.web.session import Stored

SEEN_EVERY = timedelta(minutes=1)
"""“Last seen” is written at most so often: a page view is no reason for a write."""

PERSON = "_user_id"
"""Where Flask-Login keeps who is signed in."""


class SessionRows:
    """The store of web.session: every method works in the request's transaction."""

    def find(self, token_digest: str) -> Stored | None:
        row = queries.live_session(
            current.session, token_digest, lifetimes=queries.lifetimes(current.settings), now=current.now
        )
        if row is None:
            return None
        if current.now - row.last_seen_at >= SEEN_EVERY:
            row.last_seen_at = current.now
            current.session.add(row)
        return Stored(id=row.id, data=dict(row.data))

    def add(self, token_digest: str, data: dict[str, Any]) -> None:
        row = BrowserSession(
            token_digest=token_digest,
            person_id=_person_id(data),
            data=data,
            user_agent=request.headers.get("User-Agent", "")[:200],
            address=(request.remote_addr or "")[:45],
            created_at=current.now,
            last_seen_at=current.now,
        )
        current.session.add(row)
        current.session.flush()

    def update(self, session_id: UUID, data: dict[str, Any]) -> None:
        row = current.session.get(BrowserSession, session_id)
        if row is None or row.ended_at is not None:
            return  # ended meanwhile, from another browser: it stays ended
        row.person_id, row.data = _person_id(data), data
        current.session.add(row)
        current.session.flush()

    def end(self, session_id: UUID) -> None:
        row = current.session.get(BrowserSession, session_id)
        if row is not None and row.ended_at is None:
            row.ended_at, row.data = current.now, {}
            current.session.add(row)
            current.session.flush()


def _person_id(data: dict[str, Any]) -> UUID | None:
    return UUID(data[PERSON]) if PERSON in data else None
