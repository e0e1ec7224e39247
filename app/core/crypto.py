"""Digests and sealed values. Nothing here invents cryptography: hashlib, hmac and the cryptography package do it."""

import base64
import hashlib
import hmac
import secrets

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def random_token() -> str:
    """256 random bits, URL-safe: for cookies and one-time references."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """SHA-256 as 64 hex characters: how high-entropy secrets are stored and looked up."""
    return hashlib.sha256(secret.encode()).hexdigest()


def keyed_digest(secret_key: str, purpose: str, value: str) -> str:
    """HMAC-SHA-256 as 64 hex characters, for low-entropy values such as addresses; differs per purpose."""
    return hmac.new(secret_key.encode(), f"{purpose}\0{value}".encode(), hashlib.sha256).hexdigest()


def seal(token: str, text: str) -> str:
    """`text`, readable only by who holds `token` (a browser's session cookie): the database alone cannot open it."""
    return Fernet(_derived(token)).encrypt(text.encode()).decode()


def unseal(token: str, sealed: str, *, ttl_s: int) -> str | None:
    """What was sealed with the same token at most `ttl_s` seconds ago, else None."""
    try:
        return Fernet(_derived(token)).decrypt(sealed.encode(), ttl=ttl_s).decode()
    except InvalidToken:
        return None


def _derived(token: str) -> bytes:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"postern sealed value").derive(token.encode())
    return base64.urlsafe_b64encode(key)
