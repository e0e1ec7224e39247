"""A failure behind the gateway, in words for the caller of the request that met it."""

from app.gateway import errors
from app.gateway.call import Call
from app.gateway.errors import Failure


def failure(call: Call, what: Failure) -> bytes:
    """The JSON-RPC error that says it."""
    words = what.words.format(name=call.destination.route.name)
    if call.envelope.is_metered:
        words += " You are not charged for this call."
    return errors.body(call.envelope.id, what.code, words, reason=what.error_class, request_id=call.incoming.request_id)
