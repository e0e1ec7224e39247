"""The step after `auth`: which integrations a key may know of, and what of them it may use.

An integration that its organisation may not use is unknown, as if there were none; one that only this key may not use
is forbidden, and the refusal names the scope that is missing. Why so: docs/adr/0013.
"""

from app.gateway import meter
from app.gateway.call import Call
from app.gateway.envelope import TOOL_CALL
from app.gateway.errors import Refused
from app.gateway.policy import Destination, Policy
from app.keys.grants import Grant
from app.keys.scopes import Tools
from app.metering import attempts

FOR_TOOLS = frozenset(
    (
        "initialize",
        "logging/setLevel",
        "ping",
        "server/discover",
        "tasks/cancel",
        "tasks/get",
        "tasks/result",
        "tasks/update",
        "tools/list",
    )
)
"""What a key for single tools may ask of an integration besides calling those: what calling them takes, and no more."""


def find(policy: Policy, grant: Grant, slug: str) -> Destination | None:
    """The integration called `slug`, switched off ones included; None when there is none that the organisation may use,
    whatever its keys reach.
    """
    found = policy.destinations.get(slug)
    if found is None or found.route.is_open:
        return found
    return found if found.route.integration_id in policy.installed.get(grant.organisation_id, ()) else None


def tools_of(grant: Grant, destination: Destination) -> Tools:
    """The names of the tools that this grant may see and call here: None for every one, which then goes for
    prompts and resources too; an empty set when it may use nothing here.
    """
    return grant.tools_of(destination.route.slug)


def reachable(policy: Policy, grant: Grant) -> list[Destination]:
    """The integrations of which this grant may use anything at all, ordered by slug; not those switched off."""
    found = (find(policy, grant, slug) for slug in sorted(policy.destinations))
    return [one for one in found if one is not None and one.route.is_enabled and tools_of(grant, one) != frozenset()]


def check(call: Call) -> None:
    """Raises Refused for a request that its grant does not reach."""
    if call.grant.scopes is None:
        return
    tools = tools_of(call.grant, call.destination)
    if tools is None:
        return
    message = call.envelope
    if message.method == TOOL_CALL:
        if message.name not in tools:
            raise _refused(call, thing=message.name or "", is_known=bool(tools))
    elif not tools or not _serves_tools(call):
        raise _refused(call, thing="", is_known=bool(tools))


def _serves_tools(call: Call) -> bool:
    """Streams, ends of sessions, answers and notifications say nothing of what they are for; the integration does not
    act on them by themselves.
    """
    method = call.envelope.method
    return not method or method in FOR_TOOLS or method.startswith("notifications/")


def _refused(call: Call, *, thing: str, is_known: bool) -> Refused:
    """thing: the tool that was to be called. is_known: whether the key reaches anything of the integration.

    A message that waits for an answer gets it with 200: with anything else, clients lose the words (docs/adr/0004).
    """
    route, message = call.destination.route, call.envelope
    tool = meter.storable(thing, meter.TOOL_LENGTH)
    what = (
        f"“{tool}” of “{route.name}”" if tool else f"“{message.method}” of “{route.name}”" if is_known else route.name
    )
    needed = f"{route.slug}/{tool}" if tool else route.slug
    return Refused(
        attempts.TOOL_NOT_ALLOWED if tool and is_known else attempts.INTEGRATION_NOT_ALLOWED,
        f"{what} needs the scope “{needed}”.",
        status=200 if message.wants_answer else None,
    )
