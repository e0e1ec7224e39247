"""Commands that make one call, ready to paste: each with the reader's own key and this gateway's address in it."""

import json
import shlex
from base64 import b64encode
from dataclasses import dataclass
from typing import Any

from app.integrations import samples
from app.integrations.models import Integration

PROTOCOL_VERSION = "2026-07-28"
"""The stateless revision of MCP: one request is one call, which is what makes a curl line possible."""
KEY_VARIABLE = "POSTERN_KEY"
"""Of a shell: holds the key in commands that are shown without it."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """slug: for anchors and tests. where: what to do with the code, in words."""

    slug: str
    label: str
    where: str
    code: str


def key_address(gateway_url: str, slug: str) -> str:
    """Where programs with a key call an integration.

    Not /mcp/{slug}, which takes keys as well: some clients never send a configured key to an address at which they find
    OAuth, and that is where it will be (docs/adr/0013).
    """
    return f"{gateway_url}/k/{slug}/mcp"


def for_first_call(integration: Integration, *, gateway_url: str, secret: str) -> list[Snippet]:
    """Ways to make the integration's example call, curl first; without an example, ways to connect to it.

    secret: the key itself, or a stand-in such as “YOUR_KEY” when it is no longer known.
    """
    url = key_address(gateway_url, integration.slug)
    connecting = [
        Snippet(
            "claude-code",
            "Claude Code",
            "Paste into a terminal, then ask Claude to use it.",
            _claude(integration, url, secret),
        ),
        Snippet("cursor", "Cursor", "Put into ~/.cursor/mcp.json", _cursor(integration, url, secret)),
        Snippet("vs-code", "VS Code", "Put into .vscode/mcp.json in your project", _vs_code(integration, url, secret)),
    ]
    if not integration.example_tool:
        return connecting
    calling = [
        Snippet("curl", "curl", "Paste into a terminal.", _curl(integration, url, secret)),
        Snippet(
            "python",
            "Python",
            "Save as first_call.py, then: pip install mcp && python first_call.py",
            _python(integration, url, secret),
        ),
    ]
    return calling + connecting


def again(integration: Integration, tool: str, *, definition: str, gateway_url: str) -> str:
    """A curl line that calls a tool with the key in $POSTERN_KEY. definition: the tool's, "" where it is not known.

    The arguments are the integration's example if the tool is its example, else made up from what the tool requires:
    those of a call that was made are kept nowhere.
    """
    is_example = bool(tool) and tool == integration.example_tool
    arguments = json.loads(integration.example_arguments) if is_example else samples.arguments(definition)
    url = key_address(gateway_url, integration.slug)
    return _curl_line(url, tool, arguments, f'"Authorization: Bearer ${KEY_VARIABLE}"')


def _curl(integration: Integration, url: str, secret: str) -> str:
    arguments = json.loads(integration.example_arguments)
    return _curl_line(url, integration.example_tool, arguments, shlex.quote(f"Authorization: Bearer {secret}"))


def _curl_line(url: str, tool: str, arguments: dict[str, Any], credential: str) -> str:
    """credential: the header with the key, quoted for a shell."""
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {
            "name": tool,
            "arguments": arguments,
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": PROTOCOL_VERSION,
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        },
    }
    headers = [
        "Content-Type: application/json",
        "Accept: application/json, text/event-stream",
        f"MCP-Protocol-Version: {PROTOCOL_VERSION}",
        "Mcp-Method: tools/call",
        f"Mcp-Name: {_as_header(tool)}",
    ]
    quoted = [credential, *(shlex.quote(header) for header in headers)]
    lines = [f"curl {shlex.quote(url)}", *(f"-H {header}" for header in quoted)]
    lines.append("-d " + shlex.quote(json.dumps(call, separators=(",", ":"))))
    return " \\\n  ".join(lines)


def _as_header(name: str) -> str:
    """A name as Mcp-Name says it: encoded, unless it is plain. Source: SEP-2243."""
    is_plain = name.isascii() and name.isprintable() and name == name.strip() and not name.startswith("=?")
    return name if is_plain else f"=?base64?{b64encode(name.encode()).decode()}?="


def _python(integration: Integration, url: str, secret: str) -> str:
    return f"""\
import asyncio

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

URL = {json.dumps(url)}
HEADERS = {{"Authorization": {json.dumps("Bearer " + secret)}}}


async def main():
    async with (
        httpx2.AsyncClient(headers=HEADERS, timeout=30) as http,
        Client(streamable_http_client(URL, http_client=http)) as client,
    ):
        result = await client.call_tool({json.dumps(integration.example_tool)}, {_python_literal(integration)})
        print(result.content[0].text)


asyncio.run(main())
"""


def _python_literal(integration: Integration) -> str:
    return repr(json.loads(integration.example_arguments))


def _claude(integration: Integration, url: str, secret: str) -> str:
    header = shlex.quote(f"Authorization: Bearer {secret}")
    return f"claude mcp add --transport http {integration.slug} {url} \\\n  --header {header}"


def _cursor(integration: Integration, url: str, secret: str) -> str:
    server = {"url": url, "headers": {"Authorization": f"Bearer {secret}"}}
    return json.dumps({"mcpServers": {integration.slug: server}}, indent=2)


def _vs_code(integration: Integration, url: str, secret: str) -> str:
    server = {"type": "http", "url": url, "headers": {"Authorization": f"Bearer {secret}"}}
    return json.dumps({"servers": {integration.slug: server}}, indent=2)
