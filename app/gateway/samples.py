"""Calls with test keys: answered here with the tool's sample. Nothing goes to the integration, nothing is charged."""

import msgspec

from app.gateway import splice
from app.gateway.call import Call
from app.gateway.errors import Refused
from app.gateway.meter import Meter
from app.gateway.outcome import OK
from app.gateway.reply import Reply
from app.integrations import samples
from app.integrations.catalogue import Pinned
from app.metering import attempts
from app.metering.recorder import NotRecorded

_OF_THE_INTEGRATION = ("prompts/", "resources/", "completion/", "tasks/")


def check(call: Call) -> None:
    """Raises Refused for what a test key would get from the integration itself."""
    if call.grant.environment == "test" and call.envelope.method.startswith(_OF_THE_INTEGRATION):
        raise Refused(attempts.SAMPLES_ONLY, status=200 if call.envelope.wants_answer else None)


async def answer(call: Call, tool: Pinned, meter: Meter, reply: Reply) -> None:
    """Answer with the sample of `tool`, once that is written down. Raises Refused when it cannot be."""
    body = _response(call, tool)
    meter.sending()
    try:
        await meter.settle(OK, http_status=200, bytes_out=len(body), message=body)
    except NotRecorded:
        detail = "the call cannot be written down just now. Try again in a few seconds."
        raise Refused(attempts.UNAVAILABLE, detail, status=200, grant=call.grant) from None
    change = splice.edit(body, meter.receipt) if meter.receipt else None
    body = body if change is None else change.of(body)
    await reply.whole(200, body, more=[(b"postern-receipt", meter.receipt.encode())])


def _response(call: Call, tool: Pinned) -> bytes:
    result = msgspec.json.decode(tool.sample) if tool.sample else samples.made_up(tool.definition)
    if call.is_stateless:
        result.setdefault("resultType", "complete")
    return msgspec.json.encode({"jsonrpc": "2.0", "id": call.envelope.id, "result": result})
