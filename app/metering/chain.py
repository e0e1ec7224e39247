"""The chain over an organisation's events: each link is the SHA-256 of the link before and the event in canonical form.

The canonical form is the same on every database and in every release that calls itself the same version: netstrings
(length in decimal, a colon, the bytes, a comma; https://cr.yp.to/proto/netstrings.txt) of the version's name and of
each column in COLUMNS, in this order. Text is UTF-8, numbers are decimal, ids are in their usual form of 36
characters, a moment is UTC such as 2026-11-22T14:03:22.000000Z, and what is null is empty.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from app.metering.ledger import EventRow

VERSION = "postern event 1"
SEAL_VERSION = "postern seal 1"
COLUMNS = (
    "id",
    "request_id",
    "at",
    "organisation_id",
    "key_id",
    "integration_id",
    "tool",
    "status",
    "error_class",
    "units",
    "http_status",
    "duration_us",
    "upstream_us",
    "bytes_in",
    "bytes_out",
    "protocol_version",
    "credential",
    "environment",
    "tool_version",
    "policy_version",
    "rules",
    "tokens_in",
    "tokens_out",
    "price_version_id",
    "amount_nanos",
    "currency",
    "idempotency_digest",
)
"""Every column of usage_event. A new one is added at the end, under a new VERSION that begins with a known link."""


def genesis(organisation_id: UUID) -> bytes:
    """What stands before an organisation's first link: another organisation's chain cannot be passed off as its own."""
    return sha256(b"postern chain 1\0" + organisation_id.bytes).digest()


def canonical(row: EventRow) -> bytes:
    """The bytes of an event."""
    return netstrings([VERSION, *(row[name] for name in COLUMNS)])  # type: ignore[literal-required]


def link(before: bytes, row: EventRow) -> bytes:
    """The next link, 32 bytes."""
    return sha256(before + canonical(row)).digest()


def seal_message(
    organisation_id: UUID, *, number: int, first_seq: int, last_seq: int, head: str, sealed_at: datetime
) -> bytes:
    """What is signed when a range is closed."""
    return netstrings([SEAL_VERSION, organisation_id, number, first_seq, last_seq, head, sealed_at])


def netstrings(values: Iterable[object]) -> bytes:
    """The values one after the other, in a form that can be read in one way only."""
    texts = [_text(value) for value in values]
    return b"".join(b"%d:%s," % (len(text), text) for text in texts)


def _text(value: object) -> bytes:
    if value is None:
        return b""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").encode()
    return str(value).encode()
