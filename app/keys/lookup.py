"""Which key a secret belongs to, by digest and whoever's it is: for what comes from outside, such as a leak."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session, col, select

from app.keys.admin_models import AdminKey
from app.keys.models import Key, KeySecret

AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Match:
    """key_id: of a Key, or of an AdminKey. hint: how lists show the secret, “pst_live_AbCdEfGh…wXyZ”. earlier_id: of
    its KeySecret, when the key has another by now.
    """

    key_id: UUID
    hint: str
    earlier_id: UUID | None = None
    is_admin: bool = False


def by_digests(session: Session, digests: Collection[str]) -> dict[str, Match]:
    """Those of `digests` (crypto.digest of whole keys) that are, or were, secrets of keys of either kind."""
    wanted = list(digests)
    found: dict[str, Match] = {}
    for start in range(0, len(wanted), AT_ONCE):
        part = wanted[start : start + AT_ONCE]
        for earlier in session.exec(select(KeySecret).where(col(KeySecret.digest).in_(part))):
            found[earlier.digest] = Match(earlier.key_id, earlier.hint, earlier.id)
        for key in session.exec(select(Key).where(col(Key.digest).in_(part))):
            found[key.digest] = Match(key.id, key.hint)
        for admin_key in session.exec(select(AdminKey).where(col(AdminKey.digest).in_(part))):
            found[admin_key.digest] = Match(admin_key.id, admin_key.hint, is_admin=True)
    return found
