"""What an integration may ask of a caller's client, and what it must not."""

from typing import Any
from urllib.parse import urlsplit

from app.gateway.upstream.problems import BadAnswer

CAPABILITIES = {
    "elicitation/create": "elicitation",
    "sampling/createMessage": "sampling",
    "roots/list": "roots",
}
"""The methods, and the capability by which a client allows each."""

_DECLARED = "io.modelcontextprotocol/clientCapabilities"


def declared(params: dict[str, Any]) -> dict[str, Any]:
    """The capabilities that a request of 2026-07-28 declares."""
    meta = params.get("_meta")
    found = meta.get(_DECLARED) if isinstance(meta, dict) else None
    return found if isinstance(found, dict) else {}


def may_ask(method: str, params: object, capabilities: dict[str, Any]) -> bool:
    """Whether a client takes this; an address that a person is asked to open must be one of the web."""
    if CAPABILITIES.get(method, "") not in capabilities:
        return False
    url = params.get("url") if isinstance(params, dict) else None
    return url is None or (isinstance(url, str) and urlsplit(url).scheme in ("https", "http"))


def check(requests: dict[str, Any], capabilities: dict[str, Any]) -> None:
    """Raises BadAnswer when one of these requests for input is not to be passed on."""
    for request in requests.values():
        if not may_ask(request["method"], request.get("params"), capabilities):
            raise BadAnswer("it asks for what this client does not take")
