"""GitHub's signature under what it reports: ECDSA on P-256 with SHA-256 over the raw body, DER in base64.

Source: docs.github.com, “Secret scanning partner program”.
"""

import base64
import binascii
import re

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

_KEY_ID = re.compile(r"[0-9A-Za-z_.-]{8,128}")
_SIGNATURE = re.compile(r"[0-9A-Za-z+/]{80,120}={0,2}")


def could_be(key_id: str, signature: str) -> bool:
    """Whether the two headers have the form of what GitHub sends; asks nobody."""
    return _KEY_ID.fullmatch(key_id) is not None and _SIGNATURE.fullmatch(signature) is not None


def is_usable(key_id: str, pem: str) -> bool:
    """Whether this can be a key of the list."""
    return _KEY_ID.fullmatch(key_id) is not None and _public_key(pem) is not None


def is_genuine(body: bytes, *, signature: str, pem: str) -> bool:
    """Whether `body`, byte for byte, was signed by the key in `pem`."""
    key = _public_key(pem)
    if key is None:
        return False
    try:
        key.verify(base64.b64decode(signature, validate=True), body, ECDSA(SHA256()))
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _public_key(pem: str) -> EllipticCurvePublicKey | None:
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1) else None
