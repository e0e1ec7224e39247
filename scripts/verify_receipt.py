"""Checks a receipt of Postern without Postern: `python verify_receipt.py RECEIPT KEYS.json`.

RECEIPT: a file with a receipt, as it stood in the header Postern-Receipt. KEYS.json: what the gateway answers at
/.well-known/postern-receipt-keys.json; keep your own copy. Needs Python 3.9 and `pip install cryptography`.
What each line does is in docs/receipts.md.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verified(receipt: str, published: dict) -> dict:
    """What the receipt says. Raises an exception if it is not genuine."""
    name, payload, path, key_id, signature = receipt.strip().split(".")
    payload, path = decoded(payload), decoded(path)
    public = next(decoded(key["public"]) for key in published["keys"] if key["id"] == key_id)
    if hashlib.sha256(public).hexdigest()[:16] != key_id:
        raise ValueError("the key does not have that id")
    digest = hashlib.sha256(b"\x00" + payload).digest()
    for at in range(0, len(path), 33):
        side, other = path[at], path[at + 1 : at + 33]
        pair = other + digest if side == 0 else digest + other
        digest = hashlib.sha256(b"\x01" + pair).digest()
    Ed25519PublicKey.from_public_bytes(public).verify(decoded(signature), b"postern receipt v1\0" + digest)
    said = json.loads(payload)
    if said["id"] != name:
        raise ValueError("the receipt stands under another name")
    return said


if __name__ == "__main__":
    receipt_file, keys_file = (Path(name).read_text(encoding="utf-8") for name in sys.argv[1:3])
    print(json.dumps(verified(receipt_file, json.loads(keys_file)), indent=2, ensure_ascii=False))
