"""Signatures by which receivers know that a message is ours, as Standard Webhooks 1.0 says.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

_PREFIX = "whsec_"
_BYTES = 32
"""The standard asks for 24 to 64."""


def new_secret() -> str:
    """“whsec_” and base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def message_id(delivery_id: UUID) -> str:
    """The same for every try, so that receivers can tell repeats."""
    return f"msg_{delivery_id.hex}"


def headers(keys: Iterable[str], *, delivery_id: UUID, body: bytes, at: datetime) -> dict[str, str]:
    """One signature for each key, the newest first; receivers take any that they can check."""
    name, moment = message_id(delivery_id), str(int(at.timestamp()))
    signed = b".".join((name.encode(), moment.encode(), body))
    found = [hmac.new(base64.b64decode(key.removeprefix(_PREFIX)), signed, hashlib.sha256).digest() for key in keys]
    return {
        "webhook-id": name,
        "webhook-timestamp": moment,
        "webhook-signature": " ".join(f"v1,{base64.b64encode(one).decode()}" for one in found),
    }
