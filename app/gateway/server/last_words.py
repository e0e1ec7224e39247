"""Answers to those whom the gateway never gets to see: what they send is no HTTP, or there is no room for them."""

import logging

from app.core import ids
from app.gateway import errors
from app.gateway.server import heads
from app.metering import attempts

log = logging.getLogger(__name__)

RETRY_AFTER_S = 5
UNREADABLE = "This is not an HTTP/1.1 request that can be read in one way only"
FULL = "The gateway serves as many connections as it can just now. Try again in a few seconds."


def unreadable(why: str, date: bytes) -> bytes:
    """A whole answer with 400. why: what exactly, for whoever wrote the client."""
    request_id = ids.request_id()
    log.info("request.unreadable", extra={"request_id": request_id, "why": why})
    words = f"{UNREADABLE}: {why}."
    body = errors.body(None, errors.INVALID_REQUEST, words, reason="malformed", request_id=request_id)
    return _answer(400, request_id, body, date)


def full(date: bytes) -> bytes:
    """A whole answer with 503."""
    request_id = ids.request_id()
    body = errors.body(
        None, errors.REFUSALS[attempts.UNAVAILABLE].code, FULL, reason="too_many_connections", request_id=request_id
    )
    return _answer(503, request_id, body, date + b"retry-after: %d\r\n" % RETRY_AFTER_S)


def _answer(status: int, request_id: str, body: bytes, more: bytes) -> bytes:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        (b"postern-request-id", request_id.encode()),
        (b"x-content-type-options", b"nosniff"),
    ]
    return heads.head(status, headers, more + heads.CLOSE) + body
