"""How often an admin key may ask: counted in its row, by whichever process answers (docs/adr/0025)."""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import case, update
from sqlmodel import Session, col

from app.keys.admin_models import AdminKey

MOST = 600
WINDOW = timedelta(minutes=1)
POLICY = f'"admin-key";q={MOST};w={int(WINDOW.total_seconds())}'
"""RateLimit-Policy, as draft-ietf-httpapi-ratelimit-headers writes it; the gateway's: app/gateway/rate_headers.py."""


class Rate(NamedTuple):
    """left: how many more requests this minute allows. resets_s: seconds until the next one begins."""

    is_over: bool
    left: int
    resets_s: int

    @property
    def said(self) -> str:
        """RateLimit."""
        return f'"admin-key";r={self.left};t={self.resets_s}'


def count(session: Session, admin_key_id: UUID, *, now: datetime) -> Rate:
    """Count a request, and remember that the key was used. The caller commits at once, whatever comes of the request.

    One statement, so that no two processes count the same one. A clock that is behind counts in the later minute.
    """
    began_at = now.replace(second=0, microsecond=0)
    is_same = col(AdminKey.window_at) >= began_at
    statement = (
        update(AdminKey)
        .where(col(AdminKey.id) == admin_key_id)
        .values(
            window_at=case((is_same, col(AdminKey.window_at)), else_=began_at),
            window_count=case((is_same, col(AdminKey.window_count) + 1), else_=1),
            last_used_at=now,
        )
        .returning(col(AdminKey.window_count))
        .execution_options(synchronize_session=False)
    )
    counted = int(session.execute(statement).scalar_one())
    resets_s = int((began_at + WINDOW - now).total_seconds()) + 1
    return Rate(counted > MOST, max(0, MOST - counted), min(resets_s, 60))
