"""Secrets that Postern must be able to read again (upstream credentials, signing keys), sealed before they are stored.

AES-256-GCM of the cryptography package. A sealed value names the key that it was sealed with, and where it belongs is
authenticated with it, so that whoever can write to the database cannot put one row's value into another. Why so:
docs/adr/0012.
"""

import base64
import binascii
import hashlib
import secrets
from collections.abc import Iterable
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.core.config import Settings
from app.core.errors import Invalid, Unavailable

_FORM = "v1"
_NONCE = 12
_KEY_ID = 8


class CannotOpen(Unavailable):
    """A sealed value that none of the keys opens, or that does not belong where it was found."""


class _Key(NamedTuple):
    id: str
    cipher: AESGCM


class Vault:
    """keys: secrets of 32 random characters or more; the first seals, all of them open. Safe to share."""

    def __init__(self, keys: Iterable[str]) -> None:
        found = [_derived(key) for key in keys]
        if not found:
            raise Invalid("A vault needs at least one key: set POSTERN_ENCRYPTION_KEYS.")
        self._first = found[0]
        self._ciphers = dict(reversed(found))

    def seal(self, text: str, *, place: str) -> str:
        """`text` as it may be stored: v1.key id.nonce and ciphertext.

        place: what it belongs to, such as “integration.credential:” and the row's id; it opens nowhere else.
        """
        nonce = secrets.token_bytes(_NONCE)
        sealed = self._first.cipher.encrypt(nonce, text.encode(), place.encode())
        return f"{_FORM}.{self._first.id}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, *, place: str) -> str:
        """What was sealed for `place`. Raises CannotOpen, in words for whoever runs Postern."""
        form, key_id, data = _taken_apart(sealed)
        cipher = self._ciphers.get(key_id)
        if form != _FORM or cipher is None:
            raise CannotOpen(
                f"The secret of {place} was sealed with the key “{key_id[:20]}”, which is not among "
                "POSTERN_ENCRYPTION_KEYS. Add that key to the end of the list, or set the secret anew."
            )
        try:
            return cipher.decrypt(data[:_NONCE], data[_NONCE:], place.encode()).decode()
        except (InvalidTag, ValueError):
            raise CannotOpen(f"The secret of {place} was altered, or belongs to another row. Set it anew.") from None

    def reseal(self, sealed: str, *, place: str) -> str:
        """The same secret sealed with the first key. Raises CannotOpen."""
        return self.seal(self.open(sealed, place=place), place=place)

    def is_current(self, sealed: str) -> bool:
        """Whether the first key sealed it."""
        return sealed.startswith(f"{_FORM}.{self._first.id}.")


def from_settings(settings: Settings) -> Vault:
    """The vault of an installation. In development its key comes from the secret key if no other is set."""
    keys = settings.encryption_keys or (settings.secret_key,)
    return Vault(key.get_secret_value() for key in keys)


def _derived(key: str) -> _Key:
    """The id says which key it is, and nothing about it."""
    material = HKDF(algorithm=SHA256(), length=64, salt=None, info=b"postern vault v1").derive(key.encode())
    return _Key(hashlib.sha256(material[32:]).hexdigest()[:_KEY_ID], AESGCM(material[:32]))


def _taken_apart(sealed: str) -> tuple[str, str, bytes]:
    form, _, rest = sealed.partition(".")
    key_id, _, data = rest.partition(".")
    try:
        return form, key_id, base64.b64decode(data, altchars=b"-_", validate=True)
    except binascii.Error:
        return form, key_id, b""
