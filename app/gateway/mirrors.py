"""Headers that repeat what the body says must say the same, or somebody could be fooled by either of them.

From 2026-07-28 on clients must send Mcp-Method and Mcp-Name (SEP-2243). Whoever sends them, of whichever era, is held
to them.
"""

import base64
import binascii
import re

from app.gateway.envelope import NAMED_BY, STATELESS_VERSIONS, Envelope
from app.gateway.errors import Refused
from app.gateway.incoming import Headers
from app.metering import attempts

_ENCODED = re.compile(r"=\?base64\?(.*)\?=", re.DOTALL)


def check(headers: Headers, envelope: Envelope) -> None:
    """Raises Refused when a header contradicts the body, or is missing where the revision requires it."""
    version = headers.get(b"mcp-protocol-version")
    if not (envelope.version or version in STATELESS_VERSIONS or b"mcp-method" in headers or b"mcp-name" in headers):
        return
    if version is not None and envelope.version and version != envelope.version.encode():
        raise _differs("MCP-Protocol-Version", "the protocol version in params._meta")
    is_required = version in STATELESS_VERSIONS
    if envelope.method and not _mirrors(headers.get(b"mcp-method"), envelope.method, is_required=is_required):
        raise _differs("Mcp-Method", "the method in the body")
    if envelope.name is not None and not _mirrors(headers.get(b"mcp-name"), envelope.name, is_required=is_required):
        raise _differs("Mcp-Name", f"params.{NAMED_BY[envelope.method]} in the body")


def _mirrors(header: bytes | None, said: str, *, is_required: bool) -> bool:
    if header is None:
        return not is_required
    if header == said.encode() and header[:2] != b"=?":  # as it mostly is
        return said.isascii()
    return decoded(header) == said


def decoded(value: bytes) -> str | None:
    """A header's value, taken out of `=?base64?…?=` if it is in there; None if that is broken."""
    text = value.decode("latin-1")
    encoded = _ENCODED.fullmatch(text) if text[:2] == "=?" else None
    if encoded is None:
        return text
    try:
        plain = base64.b64decode(encoded[1], validate=True)
        return plain.decode() if base64.b64encode(plain).decode() == encoded[1] else None
    except (binascii.Error, ValueError):
        return None


def _differs(header: str, place: str) -> Refused:
    return Refused(attempts.HEADER_MISMATCH, f"{header} must be there once and equal {place}.")
