"""Sessions that the gateway holds itself, for callers of the handshake era where nobody behind it has any.

Nothing is remembered: the session's id is what was agreed at its beginning, sealed for its key (sessions.py).
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from app.gateway.errors import INVALID_PARAMS, Refused
from app.metering import attempts

VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26")
"""Revisions by handshake, newest first."""

LARGEST_BYTES = 2_000


@dataclass(frozen=True, slots=True)
class HeldSession:
    """version: what was agreed on. capabilities, client: what the client said of itself."""

    version: str
    capabilities: dict[str, Any]
    client: dict[str, Any]

    @property
    def id(self) -> bytes:
        """To be bound to the key (sessions.py)."""
        return msgspec.json.encode([self.version, self.capabilities, self.client])


UNKNOWN = HeldSession(VERSIONS[0], {}, {"name": "unknown", "version": "0"})
"""For a caller who began without a handshake."""


def begun(params: dict[str, Any]) -> HeldSession:
    """The session that `initialize` asks for. Raises Refused when there is too much in it to be carried around."""
    asked = params.get("protocolVersion")
    version = asked if asked in VERSIONS else VERSIONS[0]
    session = HeldSession(version, _object(params.get("capabilities")), _object(params.get("clientInfo")))
    if len(session.id) > LARGEST_BYTES:
        plain = HeldSession(version, {name: {} for name in list(session.capabilities)[:20]}, UNKNOWN.client)
        if len(plain.id) > LARGEST_BYTES:
            raise Refused(attempts.MALFORMED, '"capabilities" is too large.', code=INVALID_PARAMS)
        return plain
    return session


def read(session_id: bytes | None) -> HeldSession:
    """The session that an opened id stands for. Raises Refused for an integration's own."""
    if session_id is None:
        return UNKNOWN
    try:
        version, capabilities, client = msgspec.json.decode(session_id, type=tuple[str, dict[str, Any], dict[str, Any]])
    except (msgspec.MsgspecError, ValueError):
        raise Refused(attempts.UNKNOWN_SESSION) from None
    return HeldSession(version, capabilities, client)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
