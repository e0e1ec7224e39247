"""The keys that sign receipts and seals: Ed25519, the private half sealed in the database, the public one published.

A key's id is made from the key itself, so that nobody can publish another under the same name.
"""

import base64
import hashlib
import logging
from binascii import b2a_base64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlmodel import Session, col, select

from app.core.vault import CannotOpen, Vault
from app.metering.proof_models import SigningKey

log = logging.getLogger(__name__)

ID_LENGTH = 16
_FOR_ADDRESSES = bytes.maketrans(b"+/", b"-_")


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs with one key."""

    key_id: str
    private: Ed25519PrivateKey

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return self.private.sign(message)


def signer(session: Session, vault: Vault, *, now: datetime) -> Signer:
    """The newest key in force that the vault opens; made, and committed by the caller, if there is none."""
    statement = select(SigningKey).where(col(SigningKey.retired_at).is_(None))
    for row in session.exec(statement.order_by(col(SigningKey.created_at).desc(), col(SigningKey.id))):
        try:
            raw = decoded(vault.open(row.private_sealed, place=_place(row.id)))
        except CannotOpen as problem:
            log.error("signing_key.unreadable", extra={"signing_key": row.id, "why": problem.message})
            continue
        return Signer(row.id, Ed25519PrivateKey.from_private_bytes(raw))
    return _make(session, vault, now=now)


def _make(session: Session, vault: Vault, *, now: datetime) -> Signer:
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    key_id = id_of(public)
    sealed = vault.seal(encoded(private.private_bytes_raw()), place=_place(key_id))
    session.add(SigningKey(id=key_id, public=encoded(public), private_sealed=sealed, created_at=now))
    session.flush()
    log.info("signing_key.made", extra={"signing_key": key_id})
    return Signer(key_id, private)


def published(session: Session) -> list[SigningKey]:
    """Every key that ever signed, oldest first: what is retired still proves what it signed."""
    return list(session.exec(select(SigningKey).order_by(col(SigningKey.created_at), col(SigningKey.id))))


def as_json(keys: Iterable[SigningKey]) -> dict[str, object]:
    """As published: {"keys": [{"id", "algorithm", "public", "created_at", "retired_at"}]}."""
    return {
        "keys": [
            {
                "id": key.id,
                "algorithm": "Ed25519",
                "public": key.public,
                "created_at": key.created_at.isoformat(),
                "retired_at": key.retired_at and key.retired_at.isoformat(),
            }
            for key in keys
        ]
    }


def id_of(public: bytes) -> str:
    """The first 16 hex digits of the SHA-256 of a raw public key."""
    return hashlib.sha256(public).hexdigest()[:ID_LENGTH]


def is_signed(message: bytes, *, signature: bytes, public: bytes) -> bool:
    """Whether the key made the signature over exactly this message."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def encoded(data: bytes) -> str:
    """Base64 for addresses (RFC 4648 §5), without padding."""
    return b2a_base64(data, newline=False).translate(_FOR_ADDRESSES).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """The reverse. Raises ValueError for anything that `encoded` would not have written."""
    data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if encoded(data) != text:
        raise ValueError("not in the one form that base64url has")
    return data


def _place(key_id: str) -> str:
    return f"signing_key.private:{key_id}"


def reseal(session: Session, vault: Vault) -> int:
    """Seal all keys anew with the vault's first key; gives how many. Raises vault.CannotOpen."""
    rows = list(session.exec(select(SigningKey)))
    for row in rows:
        row.private_sealed = vault.reseal(row.private_sealed, place=_place(row.id))
        session.add(row)
    session.flush()
    return len(rows)
